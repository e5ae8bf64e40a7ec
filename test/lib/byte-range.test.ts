import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseByteRange } from '../../src/lib/byte-range.ts'

describe('a byte range (RFC 9110 section 14)', () => {
  it.each<[string, readonly [number, number] | null | 'unsatisfiable']>([
    ['bytes=0-0', [0, 0]],
    ['bytes=0-499', [0, 99]],
    ['bytes=5-9', [5, 9]],
    ['bytes=99-', [99, 99]],
    ['bytes=-1', [99, 99]],
    ['bytes=-500', [0, 99]],
    ['Bytes=1-2', [1, 2]],
    ['bytes= 1-2 ', [1, 2]],
    [`bytes=1-${'9'.repeat(400)}`, [1, 99]],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', 'unsatisfiable'],
    ['bytes=', 'unsatisfiable'],
    ['bytes=-', 'unsatisfiable'],
    ['bytes=a-b', 'unsatisfiable'],
    ['bytes=1', 'unsatisfiable'],
    ['bytes=--5', 'unsatisfiable'],
    ['bytes=0x1-2', 'unsatisfiable'],
    ['bytes=1-2\n', 'unsatisfiable'],
    ['bytes=0-1,5-6', null],
    ['bytes=0-1,', null],
    ['items=0-1', null],
    ['bytes', null],
    ['', null],
  ])('%s of 100', (field, range) => {
    const expected = Array.isArray(range) ? { start: range[0], end: range[1] } : range
    expect(parseByteRange(field, 100)).toEqual(expected)
  })

  it('of nothing there is none', () => {
    for (const field of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      expect(parseByteRange(field, 0)).toBe('unsatisfiable')
    }
    expect(parseByteRange('bytes=0-0,1-1', 0)).toBeNull()
  })

  it('is within the file, whatever comes', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789-, ') }))
    fc.assert(
      fc.property(text, fc.nat(50), (text, size) => {
        const range = parseByteRange(`bytes=${text}`, size)
        if (range === null || range === 'unsatisfiable') return
        expect(range.start).toBeGreaterThanOrEqual(0)
        expect(range.end).toBeGreaterThanOrEqual(range.start)
        expect(range.end).toBeLessThan(size)
      }),
    )
  })
})
