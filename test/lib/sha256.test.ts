import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

/** The module as a runtime finds it whose `process.getBuiltinModule` does this. */
async function load(getBuiltinModule?: (name: string) => unknown) {
  vi.resetModules()
  if (getBuiltinModule) vi.spyOn(process, 'getBuiltinModule').mockImplementation(getBuiltinModule as never)
  return import('../../src/lib/sha256.ts')
}

describe('sha256Hex', () => {
  it.each([
    ['is there', undefined],
    ['knows no node:crypto', () => undefined],
    [
      "throws, as in Next's edge runtime",
      () => {
        throw new Error('a Node.js API is used which is not supported in the Edge Runtime')
      },
    ],
  ])('is right where getBuiltinModule %s', async (_what, getBuiltinModule) => {
    const { sha256Hex } = await load(getBuiltinModule)
    expect(sha256Hex('abc')).toBe(ABC)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(sha256Hex(text)).toBe(createHash('sha256').update(text).digest('hex'))
      }),
    )
  })
})
