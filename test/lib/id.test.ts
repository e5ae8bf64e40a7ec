import { describe, expect, it } from 'vitest'
import { createId, systemRandom } from '../../src/lib/id.ts'

describe('createId', () => {
  it('is the prefix and 128 bits in base64url', () => {
    expect(createId('pay', (length) => new Uint8Array(length).fill(255))).toBe('pay______________________w')
    expect(createId('pay', systemRandom)).toMatch(/^pay_[A-Za-z0-9_-]{22}$/)
  })

  it('differs each time', () => {
    const ids = Array.from({ length: 10_000 }, () => createId('pay', systemRandom))
    expect(new Set(ids)).toHaveLength(ids.length)
  })
})

describe('systemRandom', () => {
  it('fills as many bytes as it is asked for', () => {
    for (const length of [0, 1, 32, 4095, 4096, 4097]) expect(systemRandom(length)).toHaveLength(length)
    expect(systemRandom(32)).not.toEqual(new Uint8Array(32))
  })

  it("hands nothing out twice, and what it handed out is the caller's alone", () => {
    const seen = new Set<string>()
    for (let draw = 0; draw < 2000; draw++) {
      const bytes = systemRandom(12)
      seen.add(bytes.join())
      expect(bytes.buffer.byteLength).toBe(12)
    }
    expect(seen).toHaveLength(2000)
  })
})
