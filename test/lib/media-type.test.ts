import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMediaType } from '../../src/lib/media-type.ts'

describe('a media type (RFC 9110 section 8.3.1)', () => {
  it.each<[string, string, Record<string, string>]>([
    ['Text/HTML', 'text/html', {}],
    ['text/html;charset=utf-8', 'text/html', { charset: 'utf-8' }],
    ['text/html \t; Charset="UTF-8"', 'text/html', { charset: 'UTF-8' }],
    ['a/b; x="a\\"b;\\\\ c"; y=1', 'a/b', { x: 'a"b;\\ c', y: '1' }],
    ['multipart/form-data; boundary="a b"', 'multipart/form-data', { boundary: 'a b' }],
    ['a/b; x=""', 'a/b', { x: '' }],
  ])('%s', (text, essence, parameters) => {
    const parsed = parseMediaType(text)
    expect([parsed?.essence, Object.fromEntries(parsed?.parameters ?? [])]).toEqual([essence, parameters])
  })

  it.each([
    '',
    'text',
    '/',
    'text/',
    ' text/html',
    'text/html ',
    'text/html;',
    'text/html, a/b',
    'text/html; a',
    'text/html; a =b',
    'text/html; a="b',
    'text/html; a=b; A=c',
    'text/html\r\nx: y',
    'text/ht ml',
    'é/b',
  ])('%j is none', (text) => {
    expect(parseMediaType(text)).toBeNull()
  })

  // Work that grows with the square of it would not end within the time of a test.
  it.each([
    ['escapes', `a/b${'; a="\\"'.repeat(200_000)}`],
    ['separators', `a/b${';'.repeat(500_000)}`],
    ['spaces', `a/b${' '.repeat(500_000)}`],
  ])('is read in one pass: %s', (_, text) => {
    expect(parseMediaType(text)).toBeNull()
  })

  it('has the parameters that were written', () => {
    const value = fc.string({ unit: fc.constantFrom(...'aZ09 ;="\\') })
    fc.assert(
      fc.property(value, (value) => {
        const quoted = value.replace(/["\\]/g, '\\$&')
        expect(parseMediaType(`a/b; x="${quoted}"`)?.parameters.get('x')).toBe(value)
      }),
    )
  })
})
