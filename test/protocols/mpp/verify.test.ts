import fc from 'fast-check'
import { Challenge, Credential } from 'mppx'
import { beforeEach, describe, expect, test } from 'vitest'
import { CofferError } from '../../../src/problems/error.ts'
import type { ChallengeParams } from '../../../src/protocols/mpp/challenge.ts'
import { createChallengeSigner } from '../../../src/protocols/mpp/challenge-signer.ts'
import type { Content } from '../../../src/protocols/mpp/credential.ts'
import { mpp } from '../../../src/protocols/mpp/index.ts'
import type { Charge, Protocol } from '../../../src/protocols/protocol.ts'
import {
  accepted,
  createCharge,
  createEnvironment,
  createMethod,
  readable,
  SECRET,
  settledRecordOf,
  UNPAID,
} from './fixtures.ts'

const DIGEST = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
const OTHER_SECRET = new TextEncoder().encode('another secret of thirty-two bytes')
let now: number
let protocol: Protocol
const charge = (overrides: Parameters<typeof createCharge>[0] = {}): Charge =>
  createCharge({ expiresAt: now + 300_000, ...overrides })

function createProtocol(
  secrets = [SECRET],
  methods = [createMethod('tempo'), createMethod('evm')],
): Protocol {
  return mpp({ methods })(createEnvironment({ secrets, clock: () => now }))
}

beforeEach(() => {
  now = Date.parse('2030-01-01T00:00:00Z')
  protocol = createProtocol()
})

/** A 402 as the client gets it. */
function challenged(asked: Charge, by = protocol, accept?: string): Response {
  const headers = new Headers()
  const request = new Headers(accept === undefined ? {} : { 'accept-payment': accept })
  for (const [name, value] of by.challenge(asked, request, UNPAID)?.headers ?? []) headers.append(name, value)
  return new Response(null, { status: 402, headers })
}

/** The field that mppx answers a challenge with. */
function answer(asked: Charge, by = protocol, method = 'tempo'): string {
  const challenge = Challenge.fromResponseList(challenged(asked, by)).find((one) => one.method === method)
  if (!challenge) throw new Error(`no challenge for ${method}`)
  return Credential.serialize({ challenge, payload: { type: 'anything' } })
}

const verify = (field: string, asked: Charge, by = protocol): ReturnType<Protocol['verify']> =>
  by.verify(readable(by.credential, field), asked)

/** The same credential with parameters of its challenge replaced. */
async function tampered(
  changes: Partial<Record<keyof ChallengeParams, string | undefined>>,
  asked = charge(),
): ReturnType<Protocol['verify']> {
  const credential = readable(protocol.credential, answer(asked))
  const content = credential.content as Content
  const challenge = { ...content.challenge, ...changes }
  return protocol.verify({ ...credential, content: { ...content, challenge } }, asked)
}

test.each(['tempo', 'evm'])('a credential for %s that answers its challenge is believed', async (method) => {
  const asked = charge({ digest: DIGEST })
  const verified = accepted(await verify(answer(asked, protocol, method), asked))
  expect(verified).toMatchObject({ method, network: 'eip155:1', amount: 10_000n })
  expect(verified.proofs).toEqual([
    expect.stringMatching(/^mpp:challenge:[\w-]{43}$/),
    'mpp:eip155:1:tx:0x01',
  ])
})

describe('a credential is refused', () => {
  test('when any parameter of its challenge was changed (case 9)', async () => {
    const names = fc.constantFrom('id', 'realm', 'method', 'intent', 'request', 'expires', 'digest', 'opaque')
    await fc.assert(
      fc.asyncProperty(names, fc.string({ minLength: 1 }), async (name, value) => {
        expect(await tampered({ [name]: value })).toMatchObject({ reason: 'invalid-challenge' })
      }),
    )
    for (const name of ['expires', 'opaque'] as const) {
      expect(await tampered({ [name]: undefined })).toMatchObject({ reason: 'invalid-challenge' })
    }
    expect(await tampered({ digest: undefined }, charge({ digest: DIGEST }))).toMatchObject({
      reason: 'invalid-challenge',
    })
    expect(await tampered({ description: 'Something nicer' })).not.toHaveProperty('reason')
  })

  test.each([
    ['another route at the same price', { route: 'GET /other' }],
    ['another method of the request', { route: 'POST /report' }],
    ['another realm', { realm: 'other.example.com' }],
    ['a higher price', { cost: '1.00' }],
    ['a lower price', { cost: '0.001' }],
    ['a body where none was bound', { digest: DIGEST }],
  ])('for %s (case 8)', async (_, overrides) => {
    expect(await verify(answer(charge()), charge(overrides))).toMatchObject({ reason: 'invalid-challenge' })
  })

  test('for another body (case 8)', async () => {
    const field = answer(charge({ digest: DIGEST }))
    expect(await verify(field, charge())).toMatchObject({ reason: 'invalid-challenge' })
    const other = charge({ digest: DIGEST.replace('X', 'Y') })
    expect(await verify(field, other)).toMatchObject({ reason: 'invalid-challenge' })
  })

  test('when it pays in a way that was offered once, but is no more', async () => {
    const field = answer(charge(), protocol, 'evm')
    const narrowed = createProtocol([SECRET], [createMethod('tempo')])
    expect(await verify(field, charge(), narrowed)).toMatchObject({ reason: 'invalid-challenge' })
  })

  test('when it answers a challenge of somebody else', async () => {
    const stranger = createProtocol([OTHER_SECRET])
    expect(await verify(answer(charge(), stranger), charge())).toMatchObject({ reason: 'invalid-challenge' })
  })

  test.each([
    ['expired by 1 ms', -0.001, 'challenge-expired'],
    ['expired by 1 s', -1, 'challenge-expired'],
    ['expiring now', 0, 'challenge-expired'],
    ['living for two days', 2 * 86_400, 'invalid-challenge'],
  ])('when its challenge is %s (case 10)', async (_, seconds, reason) => {
    const asked = charge({ expiresAt: now + 1000 * seconds })
    expect(await verify(answer(asked), asked)).toMatchObject({ reason })
  })

  // Only holders of a secret can make these: an older version of ours, or another server that shares it.
  test.each([[undefined], ['9999-01-01T00:00:00Z'], ['tomorrow'], ['2030-01-01'], ['2030-99-01T00:00:00Z']])(
    'when its challenge is signed, but expires %j (case 10)',
    async (expires) => {
      const credential = readable(protocol.credential, answer(charge()))
      const content = credential.content as Content
      const { id: _, ...params } = { ...content.challenge, expires }
      const challenge = { id: createChallengeSigner([SECRET]).sign(params), ...params }
      const verified = await protocol.verify({ ...credential, content: { ...content, challenge } }, charge())
      expect(verified).toMatchObject({ reason: 'invalid-challenge' })
    },
  )
})

test('a rotated secret verifies what it has signed, and signs no more (case 15)', async () => {
  const field = answer(charge())
  const rotated = createProtocol([OTHER_SECRET, SECRET])
  accepted(await verify(field, charge(), rotated))
  accepted(await verify(answer(charge(), rotated), charge(), createProtocol([OTHER_SECRET])))
  expect(await verify(field, charge(), createProtocol([OTHER_SECRET]))).toMatchObject({
    reason: 'invalid-challenge',
  })
})

test('the client orders and filters the challenges', () => {
  const offered = (accept?: string): readonly string[] =>
    Challenge.fromResponseList(challenged(charge(), protocol, accept)).map(({ method }) => method)
  expect(offered()).toEqual(['tempo', 'evm'])
  expect(offered('evm/charge, tempo/charge;q=0.1')).toEqual(['evm', 'tempo'])
  expect(offered('evm/*')).toEqual(['evm'])
  expect(offered('stripe/charge')).toEqual(['tempo', 'evm'])
})

test('a payment of a method that is configured no more stays unknown', async () => {
  const field = answer(charge(), protocol, 'evm')
  const verified = accepted(await verify(field, charge()))
  const payment = settledRecordOf(verified, { outcome: 'unknown', transaction: '0x01', detail: '' }, now)
  expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unsent', detail: 'evm' })
  const narrowed = createProtocol([SECRET], [createMethod('tempo')])
  expect(await narrowed.reconcile(payment)).toMatchObject({ outcome: 'unknown', transaction: '0x01' })
  expect(await narrowed.settleDeferred(payment, {})).toMatchObject({
    outcome: 'unknown',
    transaction: '0x01',
  })
})

test('options are checked', () => {
  expect(() => mpp({ methods: [] })).toThrow(CofferError)
  expect(() => mpp({ methods: [createMethod('tempo'), createMethod('tempo')] })).toThrow(/once per chain/)
  expect(() => mpp({ methods: [createMethod('tempo')], secret: 'x' } as never)).toThrow(/mpp.secret/)
})
