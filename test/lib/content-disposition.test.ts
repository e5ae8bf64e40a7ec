import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachment, parseFormDisposition } from '../../src/lib/content-disposition.ts'

describe('the Content-Disposition of an answer (RFC 6266)', () => {
  it.each([
    ['a.txt', 'attachment; filename="a.txt"'],
    ['a b (1).txt', 'attachment; filename="a b (1).txt"'],
    ['é☂.txt', `attachment; filename="__.txt"; filename*=UTF-8''%C3%A9%E2%98%82.txt`],
    ['\u{1f600}', `attachment; filename="_"; filename*=UTF-8''%F0%9F%98%80`],
    ['say "hi"', `attachment; filename="say _hi_"; filename*=UTF-8''say%20%22hi%22`],
    ["100%'(*)", `attachment; filename="100_'(*)"; filename*=UTF-8''100%25%27%28%2A%29`],
    ['../x', 'attachment; filename=".._x"'],
    ['C:\\x', 'attachment; filename="C:_x"'],
    ['%2e%2e/', `attachment; filename="_2e_2e_"; filename*=UTF-8''%252e%252e_`],
    ['a\r\nx: y', `attachment; filename="a__x: y"; filename*=UTF-8''a%0D%0Ax%3A%20y`],
    ['', 'attachment; filename=""'],
  ])('for %j', (name, field) => {
    expect(attachment(name)).toBe(field)
  })

  it('is a field that every server sends and every client reads, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const name = text.toWellFormed()
        const field = attachment(name)
        expect(new Headers({ 'content-disposition': field }).get('content-disposition')).toBe(field)
        const [, plain = '', extended] =
          /^attachment; filename="([\x20\x21\x23-\x5b\x5d-\x7e]*)"(?:; filename\*=UTF-8''([\w!#$&+.^`|~%-]*))?$/.exec(
            field,
          ) ?? []
        expect(extended === undefined ? plain : decodeURIComponent(extended)).toBe(
          name.replace(/[/\\]/g, '_'),
        )
      }),
    )
  })
})

describe('the Content-Disposition of a part of a form (RFC 7578)', () => {
  it.each([
    ['form-data; name="file"', 'file', null],
    ['form-data; name="file"; filename="a.txt"', 'file', 'a.txt'],
    ['Form-Data;name="file";filename="a;b=c.txt"', 'file', 'a;b=c.txt'],
    ['form-data; filename="é\\\\x"; name=""', '', 'é\\\\x'],
    ['form-data; name="a%22b"; filename="%0d%0A%22%25%2e"', 'a"b', '\r\n"%25%2e'],
    ['form-data; name="file"; filename=""', 'file', ''],
    ['form-data; name="file"; filename="C:\\"', 'file', 'C:\\'],
  ])('%s', (text, name, fileName) => {
    expect(parseFormDisposition(text)).toEqual({ name, fileName })
  })

  it.each([
    '',
    'form-data',
    'attachment; name="file"',
    'form-dataname="file"',
    'form-data; filename="a"',
    'form-data; name=file',
    'form-data; name="file',
    'form-data; name="file";',
    'form-data; name="file"; name="other"',
    'form-data; name="file"; size="3"',
    `form-data; name="file"; filename*=UTF-8''a`,
    'form-data; name="file"; filename="a"b"',
    'form-data; name="file" ; filename="a"',
  ])('%j is none', (text) => {
    expect(parseFormDisposition(text)).toBeNull()
  })
})
