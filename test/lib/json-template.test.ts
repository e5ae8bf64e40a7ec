import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonTemplate } from '../../src/lib/json-template.ts'

const names = ['error', 'url', 'route'] as const

const build = ({ error, url, route }: Readonly<Record<(typeof names)[number], string>>) => ({
  version: 2,
  error,
  resource: { url, description: 'a "report" of \\ 100 %' },
  accepts: [
    { amount: '1', extra: { route, none: null } },
    { amount: '2', extra: { route } },
  ],
})

test('writes what JSON.stringify would, whatever the texts are', () => {
  const write = jsonTemplate(names, build)
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.record({ error: text, url: text, route: text }), (texts) => {
      expect(write(texts)).toBe(JSON.stringify(build(texts)))
    }),
  )
})
