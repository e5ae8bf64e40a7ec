import fc from 'fast-check'
import { Challenge, Credential } from 'mppx'
import { describe, expect, test } from 'vitest'
import { encodeBase64url } from '../../../src/lib/base64.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { isRefusal } from '../../../src/problems/refusal.ts'
import { type Content, readCredential } from '../../../src/protocols/mpp/credential.ts'
import { encodeEnvelope } from '../../../src/protocols/mpp/envelope.ts'

const challenge = {
  id: 'the-id',
  realm: 'api.example.com',
  method: 'tempo',
  intent: 'charge',
  request: encodeEnvelope({ amount: '1' }),
  expires: '2030-01-01T00:00:00.000Z',
}
const payload = { type: 'hash', hash: '0x01' }

const write = (value: unknown): string => `Payment ${encodeBase64url(utf8(JSON.stringify(value)))}`
const read = (authorization: string): ReturnType<typeof readCredential> =>
  readCredential(new Headers({ authorization }))
const content = (field: string): Content => {
  const credential = read(field)
  if (credential === null || isRefusal(credential)) throw new Error(`not readable: ${credential?.detail}`)
  return credential.content as Content
}

describe('a credential of mppx', () => {
  const opaque = encodeEnvelope({ nonce: 'n', route: 'GET /' })
  const digest = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
  const given = { ...challenge, opaque, digest, description: 'One "report"' }
  const source = 'did:pkh:eip155:42431:0x0000000000000000000000000000000000000001'
  const field = Credential.serialize({
    challenge: Challenge.deserialize(
      `Payment ${Object.entries(given)
        .map(([name, value]) => `${name}="${value.replaceAll('"', '\\"')}"`)
        .join(', ')}`,
    ),
    payload,
    source,
  })

  test('is read, every parameter as it was sent', () => {
    expect(content(field)).toEqual({ challenge: given, payload, source })
  })

  test('is read beside other schemes, in any letter case', () => {
    const token = field.slice('Payment '.length)
    expect(content(`Bearer abc.def, ${field}`).challenge.id).toBe('the-id')
    expect(content(`payment ${token}, Digest username="x, Payment y"`).challenge.id).toBe('the-id')
  })

  test('of an old version echoes the object instead of its encoding', () => {
    const old = write({ challenge: { ...challenge, opaque: { route: 'GET /', nonce: 'n' } }, payload })
    expect(content(old).challenge.opaque).toBe(opaque)
  })
})

test.each([
  [null, 'nothing'],
  ['Bearer abc', 'another scheme'],
  ['Digest username="x, Payment y", nonce="1"', 'a parameter that looks like ours'],
  ['AWS4-HMAC-SHA256 Credential=AKIA/2030/s3, SignedHeaders=host', 'a scheme that breaks the grammar'],
  [`Bearer ${'x'.repeat(100_000)}`, 'another scheme at great length'],
])('%s is not for us: %s', (field, _) => {
  expect(readCredential(new Headers(field === null ? {} : { authorization: field }))).toBeNull()
})

test('members that we do not know are passed over, and null stands for absent', () => {
  const field = write({
    challenge: { ...challenge, digest: null, colour: 'red' },
    payload,
    source: null,
    more: 1,
  })
  expect(content(field)).toEqual({ challenge, payload, source: null })
})

describe('is refused', () => {
  test('twice in one request (case 20)', () => {
    const twice = `${write({ challenge, payload })}, ${write({ challenge, payload })}`
    expect(read(twice)).toMatchObject({ reason: 'bad-request' })
  })

  test('above 32 KiB (case 19)', () => {
    const long = write({ challenge, payload: { ...payload, signature: 'f'.repeat(32_768) } })
    expect(read(long)).toMatchObject({ reason: 'credential-too-large' })
    expect(read(`Payment ${'x'.repeat(2 ** 20)}`)).toMatchObject({ reason: 'credential-too-large' })
  })

  test.each([
    ['Payment', 'without a token'],
    ['Payment id="x"', 'with parameters'],
    ['Payment abc=', 'in padded base64'],
    ['Payment a+b/', 'in standard base64'],
    ['Payment e31', 'with stray bits'],
    ['Payment ####', 'in no base64'],
    ['Payment a b', 'with two tokens'],
    [write([]), 'as an array'],
    [`Payment ${encodeBase64url(utf8(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`))}`, 'nested too deep'],
    [`Payment ${encodeBase64url(new Uint8Array([0x7b, 0xff, 0x7d]))}`, 'in no UTF-8'],
  ])('%j: %s', (field) => {
    expect(read(field)).toMatchObject({ reason: 'malformed-credential' })
  })

  test.each([
    ['challenge', { payload }],
    ['challenge', { challenge: 'x', payload }],
    ['challenge.id', { challenge: { ...challenge, id: '' }, payload }],
    ['challenge.id', { challenge: { ...challenge, id: 7 }, payload }],
    ['challenge.realm', { challenge: { ...challenge, realm: undefined }, payload }],
    ['challenge.request', { challenge: { ...challenge, request: { amount: '1' } }, payload }],
    ['challenge.expires', { challenge: { ...challenge, expires: 1 }, payload }],
    ['challenge.opaque', { challenge: { ...challenge, opaque: [] }, payload }],
    ['payload', { challenge }],
    ['payload', { challenge, payload: [] }],
    ['source', { challenge, payload, source: {} }],
  ])('with the member named: %s', (member, value) => {
    const refusal = read(write(value))
    expect(refusal).toMatchObject({ reason: 'malformed-credential', expected: expect.any(String) })
    expect(isRefusal(refusal) && refusal.detail).toBe(`The credential has no valid ${member}.`)
  })
})

test('hostile credentials never throw', () => {
  const field = fc.oneof(
    fc.string().map((text) => `Payment ${text}`),
    fc.base64String().map((text) => `Payment ${text}`),
    fc.json().map((text) => `Payment ${encodeBase64url(utf8(text))}`),
    fc.record({ challenge: fc.anything(), payload: fc.anything(), source: fc.anything() }).map(safeWrite),
    fc.object().map((extra) => safeWrite({ challenge: { ...challenge, ...extra }, payload: extra })),
  )
  fc.assert(
    fc.property(field, (text) => {
      const request = new Headers()
      try {
        request.set('authorization', text)
      } catch {
        return // No such field can arrive.
      }
      const credential = readCredential(request)
      if (isRefusal(credential)) expect(credential.reason).toMatch(/^(malformed-credential|bad-request)$/)
    }),
    { numRuns: 500 },
  )
})

function safeWrite(value: unknown): string {
  try {
    return write(value)
  } catch {
    return 'Payment e30' // JSON has no such value: bigint, cycles.
  }
}
