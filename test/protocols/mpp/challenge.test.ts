import fc from 'fast-check'
import { Challenge } from 'mppx'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../../../src/lib/id.ts'
import {
  type ChallengeParams,
  createChallenge,
  formatChallenge,
  parseChallenges,
} from '../../../src/protocols/mpp/challenge.ts'
import { createChallengeSigner } from '../../../src/protocols/mpp/challenge-signer.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocols/mpp/envelope.ts'
import { createCharge, createMethod, SECRET } from './fixtures.ts'

const signer = createChallengeSigner([SECRET])
const methods = [createMethod('tempo'), createMethod('evm')]
const DIGEST = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'

/** The whole field as a client reads it: all lines joined. */
function fieldOf(charge = createCharge()): string {
  const headers = new Headers()
  for (const [name, value] of createChallenge(methods, charge, signer, systemRandom).headers) {
    headers.append(name, value)
  }
  return headers.get('www-authenticate') ?? ''
}

/** All challenges of a field, of which none is malformed. */
function challengesIn(field: string): readonly ChallengeParams[] {
  const challenges = parseChallenges(field) ?? []
  return challenges.map((each) => each ?? expect.fail('a challenge is malformed'))
}

describe('a challenge of ours', () => {
  test('is read by mppx, which computes the same id', () => {
    const secretKey = new TextDecoder().decode(SECRET)
    const challenges = Challenge.deserializeList(
      fieldOf(createCharge({ digest: DIGEST, realm: 'a "quoted\\" realm' })),
    )
    expect(challenges.map(({ method, intent, realm }) => [method, intent, realm])).toEqual([
      ['tempo', 'charge', 'a "quoted\\" realm'],
      ['evm', 'charge', 'a "quoted\\" realm'],
    ])
    for (const challenge of challenges) {
      expect(Challenge.verify(challenge, { secretKey })).toBe(true)
      expect(challenge).toMatchObject({ digest: DIGEST, description: 'One report' })
      expect(decodeEnvelope(challenge.opaque ?? '')).toEqual({
        nonce: expect.any(String),
        route: 'GET /report',
      })
    }
  })

  test('is read back as it was written', () => {
    const { headers } = createChallenge(methods, createCharge(), signer, systemRandom)
    const challenges = challengesIn(headers.map(([, value]) => value).join(', '))
    expect(challenges.map(formatChallenge)).toEqual(headers.map(([, value]) => value))
    expect(challenges.every(signer.verify)).toBe(true)
  })

  test('has an id of its own, even within one instant', () => {
    const charge = createCharge()
    const ids = Array.from({ length: 200 }, () => challengesIn(fieldOf(charge))).flat()
    expect(new Set(ids.map(({ id }) => id)).size).toBe(400)
  })

  test.each([
    ['Grüße 🎉', undefined],
    ['tab\there', undefined],
    ['plain', 'plain'],
  ])('stays well-formed with the description %j (case 21)', (description, shown) => {
    const [challenge] = Challenge.deserializeList(fieldOf(createCharge({ description })))
    expect(challenge?.description).toBe(shown)
  })

  test('keeps under the 8 KB that a server should, with everything as long as it may be', () => {
    const charge = createCharge({
      description: 'x'.repeat(1000),
      route: `GET /${'r'.repeat(300)}`,
      digest: DIGEST,
    })
    const { headers } = createChallenge(methods, charge, signer, systemRandom)
    for (const [name, value] of headers) {
      expect(name).toBe('WWW-Authenticate')
      expect(value.length).toBeLessThan(8192)
    }
  })
})

describe('a challenge of mppx', () => {
  const challenge = Challenge.from({
    secretKey: new TextDecoder().decode(SECRET),
    realm: 'api.example.com',
    method: 'tempo',
    intent: 'charge',
    description: 'a "report", perhaps',
    expires: '2030-01-01T00:00:00Z',
    digest: 'sha-256=abc',
    request: { b: 1, a: 'ü' },
    meta: { route: 'GET /report' },
  })

  test('is read, and its id recognized', () => {
    const field = `Bearer realm="x, y", ${Challenge.serialize(challenge)}, Payment id="2", realm="r", method="m", intent="i", request="e30"`
    const parsed = challengesIn(field)
    expect(parsed).toHaveLength(2)
    expect(parsed[0] && signer.verify(parsed[0])).toBe(true)
    expect(parsed[0]?.description).toBe('a "report", perhaps')
    expect(decodeEnvelope(parsed[0]?.request ?? '')).toEqual({ b: 1, a: 'ü' })
  })

  test.each(['id', 'realm', 'method', 'intent', 'request'])('is malformed without %s', (name) => {
    const field = Challenge.serialize(challenge).replace(new RegExp(`(?<=[ ,])${name}="[^"]*",? ?`), '')
    expect(parseChallenges(field)).toEqual([null])
  })

  test('that is malformed spoils no other, and neither does one that wants a field of its own', () => {
    const rest = 'realm="r", method="m", intent="i", request="e30"'
    const field = `Payment realm="r", ${Challenge.serialize(challenge)}, Payment id="2", ${rest}, header="X-Pay"`
    const [first, second, third] = parseChallenges(field) ?? []
    expect([first, second?.id, third]).toEqual([null, challenge.id, null])
    expect(parseChallenges(`Payment id="2", ${rest}, header="authorization"`)?.[0]?.id).toBe('2')
  })
})

describe('ids', () => {
  const params = {
    realm: 'r',
    method: 'tempo',
    intent: 'charge',
    request: encodeEnvelope({ amount: '1' }),
    expires: '2030-01-01T00:00:00.000Z',
    digest: DIGEST,
    opaque: encodeEnvelope({ nonce: 'n', route: 'GET /' }),
  }
  const challenge: ChallengeParams = { id: signer.sign(params), ...params }

  test('change with every parameter but the description', () => {
    const names = fc.constantFrom('id', 'realm', 'method', 'intent', 'request', 'expires', 'digest', 'opaque')
    fc.assert(
      fc.property(names, fc.option(fc.string(), { nil: undefined }), (name, value) => {
        fc.pre(value !== challenge[name as keyof ChallengeParams])
        expect(signer.verify({ ...challenge, [name]: value ?? '' })).toBe(false)
      }),
    )
    expect(signer.verify({ ...challenge, description: 'anything' })).toBe(true)
  })

  test('do not confuse neighbours: what one parameter loses, the next cannot win', () => {
    const { expires, digest } = params
    expect(signer.verify({ ...challenge, expires: `${expires}|${digest}`, digest: '' })).toBe(false)
    expect(signer.verify({ ...challenge, expires: '', digest: `${expires}|${digest}` })).toBe(false)
  })

  test('of an old secret are recognized, and new ones are made with the first', () => {
    const next = new TextEncoder().encode('another secret of thirty-two bytes')
    const rotated = createChallengeSigner([next, SECRET])
    expect(rotated.verify(challenge)).toBe(true)
    expect(rotated.sign(params)).not.toBe(challenge.id)
    expect(signer.verify({ id: rotated.sign(params), ...params })).toBe(false)
    expect(createChallengeSigner([next]).verify(challenge)).toBe(false)
  })
})

test('hostile fields never throw', () => {
  const pieces = fc.constantFrom(
    'Payment ',
    'id="',
    '"',
    '\\',
    ',',
    '=',
    ' ',
    'realm=x',
    'request=e30',
    'é',
    '\n',
  )
  const field = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  )
  fc.assert(fc.property(field, (text) => void parseChallenges(text)))
  expect(parseChallenges('Payment id="unterminated')).toBeNull()
  expect(
    parseChallenges('Payment id="1", id="2", realm="r", method="m", intent="i", request="e30"'),
  ).toBeNull()
})
