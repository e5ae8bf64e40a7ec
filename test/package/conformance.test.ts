import { existsSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { filesOf, ROOT, textOf } from './imports.ts'

const page = textOf('docs/conformance.md')
const tests = filesOf('test/**/*.ts').map((file) => ({ file, texts: textsIn(file) }))

describe('docs/conformance.md', () => {
  it.each(['case', 'fault'])(
    'names every %s that a test is titled with, and the files of those tests',
    (kind) => {
      expect(rowsOf(kind)).toEqual(titledWith(kind))
    },
  )

  it('names files that there are', () => {
    const missing = linksIn(page).filter((file) => !existsSync(join(ROOT, file)))
    expect(missing).toEqual([])
  })
})

/** The table whose first column is of a kind: files of each number. */
function rowsOf(kind: string): Record<string, string[]> {
  const [, table = ''] = page.split(`\n| ${kind} |`)
  const [rows = ''] = table.split('\n\n')
  const numbered = [...rows.matchAll(/^\| (\d+) \|(.*)$/gm)]
  return Object.fromEntries(numbered.map(([, number, row = '']) => [number, linksIn(row).sort()]))
}

/** Files by the numbers that their titles carry: `case 9`, `cases 10 and 14`, also in the rows of an `each`. */
function titledWith(kind: string): Record<string, string[]> {
  const label = new RegExp(`\\b${kind}s? (\\d+(?:(?:, | and )\\d+)*)`, 'g')
  const found: Record<string, string[]> = {}
  for (const { file, texts } of tests) {
    const numbers = texts.flatMap((text) =>
      [...text.matchAll(label)].flatMap(([, list = '']) => list.split(/, | and /)),
    )
    for (const number of new Set(numbers)) found[number] = [...(found[number] ?? []), file]
  }
  return found
}

/** What stands between quotes in a file. */
function textsIn(file: string): string[] {
  const texts: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      texts.push(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest))
  return texts
}

/** Files of the repository that a text of the page links to, relative to the root. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(\.\.\/([^)]+)\)/g)].flatMap(([, file]) => file ?? [])
}
