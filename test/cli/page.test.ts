import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { REMARKS } from '../../src/cli/show/remark-catalog.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')

/** Rows of tables by the names in their first column. */
const rows = new Map(
  [...page.matchAll(/^\| ([^|]+) \| ([^|]*) \|/gm)].flatMap(([, names = '', next = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => [name, next.trim()] as const),
  ),
)

describe('the page about the command line', () => {
  it('has every remark, with its severity, and no other', () => {
    const documented = [...rows].filter(([, next]) => ['error', 'warning', 'note'].includes(next))
    expect(Object.fromEntries(documented)).toEqual(REMARKS)
  })

  it('has every command and its options', () => {
    const missing = commands.flatMap(({ name, options }) => [
      ...(page.includes(`coffer ${name}`) ? [] : [name]),
      // Those of `coffer mcp` are its own page's.
      ...(name === 'mcp' ? [] : Object.keys(options))
        .filter((option) => !new RegExp(`--${option}(?![-\\w])`).test(page))
        .map((option) => `${name} --${option}`),
    ])
    expect(missing).toEqual([])
  })

  it('has every exit code', () => {
    for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
  })
})
