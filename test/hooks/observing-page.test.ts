import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { HookEvent } from '../../src/hooks/events.ts'
import { readHooks } from '../../src/hooks/hooks.ts'
import { logHooks } from '../../src/hooks/logger.ts'

const page = readFileSync(new URL('../../docs/recipes/observing.md', import.meta.url), 'utf8')

/** Every event, as the refusal of one that there is not lists them. */
function eventTypes(): string[] {
  try {
    readHooks({ nonsense: () => {} } as never)
  } catch (error) {
    const [, list = ''] = /one of (.*)$/.exec(String(error)) ?? []
    return list.split(', ').filter((type) => type !== '*')
  }
  return []
}

/** What stands in backticks in the first column of a table. */
const rowsOf = (heading: string): string[][] => {
  const [, table = ''] = page.split(`\n| ${heading} |`)
  const rows = table.split('\n\n')[0] ?? ''
  return [...rows.matchAll(/^\|(.*)\|(.*)\|$/gm)].slice(1).map((row) => row.slice(1))
}
const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z]+\.[a-z]+)`/g)].map(([, name = '']) => name)

describe('docs/recipes/observing.md', () => {
  it('names every event there is', () => {
    expect(
      rowsOf('event')
        .flatMap(([names = '']) => namesIn(names))
        .sort(),
    ).toEqual(eventTypes().sort())
  })

  it('names the level of every event but those that are information', () => {
    const levels = new Map<string, string>()
    for (const [level = '', types = ''] of rowsOf('level')) {
      for (const type of namesIn(types)) levels.set(type, level.replaceAll('`', '').trim())
    }
    const logged: [type: string, level: string][] = []
    const write = (level: string) => (_fields: object, type: string) => void logged.push([type, level])
    const hooks = logHooks({
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    })
    const types = eventTypes().filter((type) => type !== 'request.refused')
    for (const type of types) hooks['*']?.({ type } as HookEvent)
    expect(logged).toEqual(types.map((type) => [type, levels.get(type) ?? 'info']))
  })
})
