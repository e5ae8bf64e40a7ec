import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonTemplate } from '../../src/lib/json-template.ts'

const names = ['error', 'url', 'route'] as const

const write = jsonTemplate(names, ({ error, url, route }) => ({
  version: 2,
  error,
  resource: { url, description: 'a "report" of \\ 100 %' },
  accepts: [
    { amount: '1', extra: { route, none: null } },
    { amount: '2', extra: { route } },
  ],
}))

test('writes what JSON.stringify would, whatever the texts are', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, text, text, (error, url, route) => {
      expect(write({ error, url, route })).toBe(
        JSON.stringify({
          version: 2,
          error,
          resource: { url, description: 'a "report" of \\ 100 %' },
          accepts: [
            { amount: '1', extra: { route, none: null } },
            { amount: '2', extra: { route } },
          ],
        }),
      )
    }),
  )
})
