import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { keys } from '../../src/stores/keys.ts'
import { memory } from '../../src/stores/memory.ts'
import { views } from '../../src/stores/postgres-views.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import type { Store } from '../../src/stores/store.ts'
import { ROOT, textOf } from './imports.ts'

const page = textOf('docs/storage.md')

describe('docs/storage.md', () => {
  it('has a row for every key, which looks as it says', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| `([^`]+)` \|([^|]+)\|([^|]+)\|$/gm)]
    const written = Object.fromEntries(rows.map(([, name = '', pattern = '']) => [name, pattern]))
    const made = keysMade()
    expect(Object.keys(written).sort()).toEqual(Object.keys(made).sort())
    for (const [name, key] of Object.entries(made)) {
      const parts = (written[name] ?? '').split(/<[^>]+>/)
      expect(key).toMatch(new RegExp(`^${parts.join('[^/]+')}$`))
    }
    for (const [, name, , value, until] of rows) {
      expect([name, value?.trim() !== '', until?.trim() !== '']).toEqual([name, true, true])
    }
  })

  it('has the columns of every view', () => {
    const rows = [...page.matchAll(/^\| `(coffer_\w+)` \|(.*)\|$/gm)]
    const listed = rows.map(([, view, columns = '']) => [
      view,
      [...columns.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    ])
    const made = views('"public"')
      .split('CREATE VIEW "public".')
      .slice(1)
      .map((text) => {
        const [columns = ''] = text.split('FROM "public"')
        return [/^\w+/.exec(text)?.[0], [...columns.matchAll(/ AS (\w+)(?=,|\s*$)/g)].map(([, name]) => name)]
      })
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(made))
  })

  it('moves a store into another, with its expiries', async () => {
    const folder = mkdtempSync(join(ROOT, 'test/.storage-'))
    try {
      const file = join(folder, 'coffer.db')
      const source = sqlite(file, { clock: () => 0 })
      const large = { text: 'x'.repeat(1_400_000) }
      for (let n = 0; n < 300; n++) await source.commit([{ key: `k/${n}`, value: { n } }])
      await source.commit([
        { key: 'large', value: large },
        { key: 'ends', value: {}, expiresAt: 5000 },
      ])
      await source.close()

      const program = join(folder, 'move.ts')
      const block = [...page.matchAll(/```ts\n(.*?)```/gs)].find(([, code]) =>
        code?.includes('function moveTo'),
      )
      writeFileSync(program, `${block?.[1]}\nexport { moveTo }`)
      const { moveTo } = (await import(pathToFileURL(program).href)) as {
        moveTo(target: Store, file: string): Promise<number>
      }
      let now = 0
      const target = memory({ clock: () => now })
      expect(await moveTo(target, file)).toBe(302)
      expect((await target.get('k/299'))?.value).toEqual({ n: 299 })
      expect((await target.get('large'))?.value).toEqual(large)
      expect(await target.get('ends')).not.toBeNull()
      now = 5000
      expect(await target.get('ends')).toBeNull()
      await expect(moveTo(target, file)).rejects.toThrow('is there already')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** What each of `keys` makes, but for those that say what keys begin with. */
function keysMade(): Record<string, string> {
  const made = Object.entries(keys).map(([name, key]) => {
    const make = key as string | ((...parts: unknown[]) => string)
    return [name, typeof make === 'string' ? make : make(...Array(make.length).fill(7))] as const
  })
  return Object.fromEntries(made.filter(([, key]) => !key.endsWith('/')))
}
