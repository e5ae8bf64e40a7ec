import { describe, expect, it } from 'vitest'
import { problemPages } from '../../scripts/problem-pages.ts'
import { parseJsonObject } from '../../src/lib/json.ts'
import { type CatalogRow, catalog } from '../../src/problems/catalog.ts'
import { problemDetails } from '../../src/problems/problem.ts'
import { refuse } from '../../src/problems/refusal.ts'
import { filesOf, textOf } from './imports.ts'

const page = textOf('docs/problems.md')

describe('docs/problems.md', () => {
  it('has what the catalog says of every slug', () => {
    expect(pageRows()).toEqual(catalogRows())
  })

  it('has a page for each, which says the same', () => {
    for (const [slug, text] of problemPages()) expect(textOf(`docs/problems/${slug}.md`)).toBe(text)
    expect(filesOf('docs/problems/*.md')).toHaveLength(Object.keys(catalogRows()).length)
  })

  it('shows a problem as it is sent', () => {
    const [, example = ''] = /```json\n(.*?)```/s.exec(page) ?? []
    const { detail, expected, got, cause } = parseJsonObject(example) ?? {}
    const refusal = refuse('insufficient-payment', String(detail), {
      expected: String(expected),
      got: String(got),
      cause: String(cause),
    })
    expect(JSON.stringify(problemDetails(refusal, ''), null, 2)).toBe(example.trim())
  })

  it('explains every member that is sent', () => {
    const refusal = refuse('settlement-unknown', 'Why.', { expected: 'a', got: 'b', cause: 'c' })
    const names = Object.keys(problemDetails(refusal, ''))
    expect(names.filter((name) => !new RegExp(`^\\|.*\`${name}\`.*\\|.*\\|$`, 'm').test(page))).toEqual([])
  })
})

/** Cells of the page by slug, without those that are prose. */
function pageRows(): Record<string, object> {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|([^|]*)\| ([\d, ]+) \|(.*)\|$/gm)]
  const read = rows.map(([, slug = '', type = '', status, rest = '']) => {
    const [when, again, moved, then] = rest.split('|').map((cell) => cell.trim())
    if (!when || !then) throw new Error(`the row of ${slug} has an empty cell`)
    return [slug, { type: type.replaceAll('`', '').trim(), status, again, moved }] as const
  })
  expect(new Set(read.map(([slug]) => slug)).size, 'one row per slug').toBe(read.length)
  return Object.fromEntries(read)
}

/** The same of the catalog: reasons that share a slug share a row. */
function catalogRows(): Record<string, object> {
  const rows: readonly CatalogRow[] = Object.values(catalog)
  const bySlug = Map.groupBy(rows, ({ slug }) => slug)
  return Object.fromEntries(
    [...bySlug].map(([slug, reasons]) => [
      slug,
      {
        type: listed(reasons.map(({ ietf }) => ietf ?? '')),
        status: listed(reasons.map(({ status }) => status)),
        again: listed(reasons.map(({ retryable }) => (retryable ? 'yes' : 'no'))),
        moved: listed(reasons.map(({ charged }) => MOVED[`${charged}`])),
      },
    ]),
  )
}

const MOVED = { true: 'yes', false: 'no', unknown: 'perhaps' } as const

function listed(values: readonly (string | number)[]): string {
  return [...new Set(values)].join(', ')
}
