import type { PaymentPayload } from '@x402/core/types'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Refusal } from '../../../src/problems/refusal.ts'
import { isRefusal } from '../../../src/problems/refusal.ts'
import type { Charge, Verified } from '../../../src/protocols/protocol.ts'
import type { readCredential } from '../../../src/protocols/x402/credential.ts'
import { verifyContent } from '../../../src/protocols/x402/verify.ts'
import { createCharge, RECIPIENT, accepted as verifiedOf } from '../mpp/fixtures.ts'
import {
  challengeOf,
  contentOf,
  networks,
  PAYER,
  payV1,
  payV2,
  readV1,
  readV2,
  refusalOf,
  requiredOf,
  withMember,
  write,
  writeV2,
} from './fixtures.ts'

const DIGEST = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'

let charge: Charge
let paid: PaymentPayload
let paidV1: Record<string, unknown>

beforeAll(async () => {
  charge = createCharge({ digest: DIGEST })
  const challenge = challengeOf(charge)
  paid = await payV2(requiredOf(challenge))
  paidV1 = JSON.parse(Buffer.from(await payV1(challenge), 'base64').toString())
})

function verify(
  read: ReturnType<typeof readCredential>,
  on = charge,
  now = Date.now(),
): Promise<Verified | Refusal> {
  return verifyContent(contentOf(read), on, networks, () => now)
}

const verifyV2 = (payload: unknown, on?: Charge, now?: number) => verify(readV2(write(payload)), on, now)
const verifyV1 = (payload: unknown, on?: Charge) => verify(readV1(write(payload)), on)
const authorizationOf = ({ payload }: PaymentPayload) =>
  (payload as { authorization: { nonce: string; validBefore: string; from: string } }).authorization

describe('what the official clients pay with', () => {
  test('v2 passes, with all that a payment is recorded by', async () => {
    const { nonce, validBefore } = authorizationOf(paid)
    expect(verifiedOf(await verify(readV2(writeV2(paid))))).toMatchObject({
      proofs: [`x402:eip155:84532:0x036cbd53842c5426634e7929541ec2318f3dcf7e:${PAYER}:${nonce}`],
      method: 'exact',
      network: 'eip155:84532',
      amount: 10_000n,
      payer: PAYER,
      recipient: RECIPIENT,
      evidence: { nonce, validBefore },
    })
  })

  test('v1 passes, and is the same payment as v2 would be with the same authorization', async () => {
    expect(verifiedOf(await verifyV1(paidV1)).evidence).toMatchObject({ v1Network: 'base-sepolia' })
    const [asV1, asV2] = [await verifyV1({ ...paidV1, payload: paid.payload }), await verifyV2(paid)]
    expect(verifiedOf(asV1).proofs).toEqual(verifiedOf(asV2).proofs)
  })

  test('what is kept never holds the signature, except to settle later', async () => {
    const { evidence, proofs } = verifiedOf(await verifyV2(paid))
    const { signature } = paid.payload as { signature: string }
    expect(JSON.stringify([evidence, proofs])).not.toContain(signature)
  })
})

describe('the accepted requirement', () => {
  const other = '0x9999999999999999999999999999999999999999'
  const AMOUNTS = ['', ' 1', '0x10', '-1', '1e3', '01', '1.5', '010000', '10000 ', '１００００', 10_000]

  test.each([
    ['scheme', [undefined, 'upto', 'Exact', null]],
    ['network', [undefined, 'eip155:1', 'base-sepolia', 84532]],
    ['amount', [undefined, '1', '9999', '10001', ...AMOUNTS]],
    ['asset', [undefined, other, null]],
    ['payTo', [undefined, other, null]],
    ['maxTimeoutSeconds', [undefined, 301, '300']],
    ['extra', [undefined, null, {}, 'text', []]],
    ['extra.name', [undefined, 'usdc', '']],
    ['extra.version', [undefined, '1', 2]],
    ['extra.route', [undefined, 'POST /report', 'GET /other', 'get /report']],
    ['extra.digest', [undefined, null, DIGEST.replace('X', 'Y')]],
  ] as [string, unknown[]][])('with another %s is refused (cases 9 and 14)', async (path, values) => {
    for (const value of values) {
      const refusal = refusalOf(await verifyV2(withMember(paid, `accepted.${path}`, value)))
      expect([value, refusal.reason]).toEqual([value, 'invalid-challenge'])
    }
  })

  test('names the member that differs, what was expected and what came', async () => {
    expect(refusalOf(await verifyV2(withMember(paid, 'accepted.amount', '1')))).toMatchObject({
      detail: 'The credential answers another challenge: accepted.amount differs.',
      expected: '10000',
      got: '1',
    })
    const long = refusalOf(await verifyV2(withMember(paid, 'accepted.extra.route', 'x'.repeat(9999))))
    expect(long.got).toHaveLength(100)
  })

  test('that was another of this route’s does not fit this authorization', async () => {
    const [, onBase] = requiredOf(challengeOf(charge)).accepts
    const refusal = refusalOf(await verifyV2({ ...paid, accepted: onBase }))
    expect(refusal).toMatchObject({ reason: 'verification-failed', cause: 'invalid_exact_evm_signature' })
  })

  test('may say more than ours', async () => {
    for (const [path, value] of [
      ['extra.assetTransferMethod', 'eip3009'],
      ['extra.anything', { of: ['the client'] }],
      ['extra.challenge', 'another'],
      ['outputSchema', {}],
    ] as const) {
      expect(isRefusal(await verifyV2(withMember(paid, `accepted.${path}`, value)))).toBe(false)
    }
  })

  test.each([
    ['price', { cost: '0.02' }],
    ['recipient', { recipient: () => '0x9999999999999999999999999999999999999999' as const }],
    ['route', { route: 'POST /report' }],
    ['body', { digest: 'sha-256=:AAAA=:' }],
    ['binding of the body', { digest: null }],
  ] as const)('of a route with another %s buys nothing (case 8)', async (what, more) => {
    const on = createCharge({ digest: DIGEST, ...more })
    const isLooser = what === 'binding of the body'
    expect(isRefusal(await verifyV2(paid, on))).toBe(!isLooser)
  })

  test('decides, and not the resource that the client names (fault 3)', async () => {
    const resource = { url: 'https://api.example.com/dear' }
    const verified = verifiedOf(await verifyV2({ ...paid, resource }))
    expect(verified.deferred).toMatchObject({ resource: charge.url })
    expect(verified.proofs).toEqual(verifiedOf(await verifyV2(paid)).proofs)
  })
})

describe('letter case', () => {
  /** Turns letters of hexadecimal numbers over, where the bits say so. */
  const recase = (text: string, bits: readonly boolean[]): string => {
    let at = 0
    const turn = (letter: string) => (bits[at++ % bits.length] ? letter.toUpperCase() : letter.toLowerCase())
    return text.replace(/"0x[0-9a-fA-F]{40,}"/g, (hex) => `"0x${hex.slice(3).replace(/[a-f]/gi, turn)}`)
  }

  test('of addresses, nonce and signature does not matter: one proof (case 11)', async () => {
    const { proofs } = verifiedOf(await verifyV2(paid))
    const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(bits, async (bits) => {
        const variant = JSON.parse(recase(JSON.stringify(paid), bits))
        const variantV1 = JSON.parse(recase(JSON.stringify({ ...paidV1, payload: paid.payload }), bits))
        expect(verifiedOf(await verifyV2(variant)).proofs).toEqual(proofs)
        expect(verifiedOf(await verifyV1(variantV1)).proofs).toEqual(proofs)
      }),
      { numRuns: 20 },
    )
  })
})

describe('the network of v1', () => {
  test.each(['base', 'eip155:84532', 'Base-Sepolia', 'base-sepolia ', 'solana', ''])(
    '%j is not the one that was signed for, or none at all',
    async (network) => {
      const refusal = refusalOf(await verifyV1({ ...paidV1, network }))
      expect(refusal.reason).toBe(network === 'base' ? 'verification-failed' : 'invalid-challenge')
    },
  )
})

describe('time', () => {
  const end = () => Number(authorizationOf(paid).validBefore) * 1000

  test.each([
    ['a second after its end', 1000],
    ['at its end', 0],
    ['too close to its end to reach a block', -5000],
  ])('%s an authorization is refused (case 10)', async (_what, ms) => {
    const refusal = refusalOf(await verifyV2(paid, charge, end() + ms))
    expect(refusal).toMatchObject({
      reason: 'challenge-expired',
      cause: 'invalid_exact_evm_payload_authorization_valid_before',
    })
  })

  test('before that it is good', async () => {
    expect(isRefusal(await verifyV2(paid, charge, end() - 6000))).toBe(false)
  })

  test('in the year 9999 ends what the payer signed; it is neither refused nor trusted longer (case 10)', async () => {
    const required = requiredOf(challengeOf(charge))
    const seconds = Math.floor(Date.UTC(9999, 0, 1) / 1000 - Date.now() / 1000)
    const far = await payV2({
      ...required,
      accepts: required.accepts.map((one) => ({ ...one, maxTimeoutSeconds: seconds })),
    })
    expect(Number(authorizationOf(far).validBefore)).toBeGreaterThan(Date.UTC(9998, 0, 1) / 1000)
    expect(refusalOf(await verifyV2(far)).detail).toMatch(/maxTimeoutSeconds/)
    const claimsOurs = withMember(far, 'accepted.maxTimeoutSeconds', charge.ttl)
    expect(isRefusal(await verifyV2(claimsOurs))).toBe(false)
  })
})

describe('an authorization', () => {
  test.each([
    ['value', '9999', 'insufficient-payment', 'invalid_exact_evm_payload_authorization_value_mismatch'],
    ['value', '10001', 'verification-failed', 'invalid_exact_evm_payload_authorization_value_mismatch'],
    ['to', `0x${'9'.repeat(40)}`, 'verification-failed', 'invalid_exact_evm_recipient_mismatch'],
    ['from', `0x${'9'.repeat(40)}`, 'verification-failed', 'invalid_exact_evm_signature'],
    ['nonce', `0x${'9'.repeat(64)}`, 'verification-failed', 'invalid_exact_evm_signature'],
    ['validBefore', '9999999999', 'verification-failed', 'invalid_exact_evm_signature'],
    [
      'validAfter',
      '9999999999',
      'verification-failed',
      'invalid_exact_evm_payload_authorization_valid_after',
    ],
  ])('with another %s (%s) is refused in the words of the SDK', async (name, value, reason, cause) => {
    const { signature } = paid.payload as { signature: string }
    for (const refused of [
      await verifyV2(withMember(paid, `payload.authorization.${name}`, value)),
      await verifyV1(
        withMember({ ...paidV1, payload: paid.payload }, `payload.authorization.${name}`, value),
      ),
    ]) {
      expect(refusalOf(refused)).toMatchObject({ reason, cause })
      expect(JSON.stringify(refused)).not.toContain(signature.slice(2, 20))
    }
  })

  test('for a token of another chain is refused (case 16)', async () => {
    const onBase = await payV2(requiredOf(challengeOf(charge)), 8453)
    expect(verifiedOf(await verifyV2(onBase)).network).toBe('eip155:8453')
    const refusal = refusalOf(await verifyV2({ ...onBase, accepted: paid.accepted }))
    expect(refusal.cause).toBe('invalid_exact_evm_signature')
  })
})

test('hostile requirements never make the verification throw, nor pass', async () => {
  const names = ['scheme', 'network', 'amount', 'asset', 'payTo', 'extra', 'extra.route', 'extra.name']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.jsonValue(), async (name, value) => {
      refusalOf(await verifyV2(withMember(paid, `accepted.${name}`, value)))
    }),
    { numRuns: 300 },
  )
})
