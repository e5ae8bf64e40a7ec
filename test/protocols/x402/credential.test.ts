import { PaymentPayloadV1Schema, PaymentPayloadV2Schema } from '@x402/core/schemas'
import type { PaymentPayload } from '@x402/core/types'
import {
  appendPaymentIdentifierToExtensions,
  extractAndValidatePaymentIdentifier,
  generatePaymentId,
  isValidPaymentId,
} from '@x402/extensions/payment-identifier'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { catalog } from '../../../src/problems/catalog.ts'
import { isRefusal } from '../../../src/problems/refusal.ts'
import { mpp } from '../../../src/protocols/mpp/index.ts'
import { presentedCredential } from '../../../src/protocols/negotiate.ts'
import { readCredential } from '../../../src/protocols/x402/credential.ts'
import { x402 } from '../../../src/protocols/x402/index.ts'
import { createCharge, createEnvironment, createMethod, RECIPIENT } from '../mpp/fixtures.ts'
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

let v2: PaymentPayload
let v1: { readonly payload: { readonly signature: string } }
let v1Field: string

beforeAll(async () => {
  const challenge = challengeOf(createCharge())
  v2 = await payV2(requiredOf(challenge))
  v1Field = await payV1(challenge)
  v1 = JSON.parse(Buffer.from(v1Field, 'base64').toString())
})

const signatureOf = ({ payload }: { readonly payload: unknown }): string =>
  (payload as { readonly signature: string }).signature

describe('what the official clients send', () => {
  test('v2 is read whole', () => {
    expect(PaymentPayloadV2Schema.safeParse(v2).success).toBe(true)
    const field = writeV2(v2)
    expect(readV2(field)).toMatchObject({ protocol: 'x402', text: field, key: null })
    const { authorization } = contentOf(readV2(field))
    expect(contentOf(readV2(field))).toEqual({
      version: 2,
      accepted: v2.accepted,
      v1Network: null,
      paymentId: null,
      signature: signatureOf(v2),
      authorization: {
        from: PAYER,
        to: RECIPIENT,
        value: 10_000n,
        validAfter: expect.any(BigInt),
        validBefore: expect.any(BigInt),
        nonce: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      },
    })
    expect(authorization.validBefore - authorization.validAfter).toBeGreaterThanOrEqual(300n)
  })

  test('v1 is read whole', () => {
    expect(PaymentPayloadV1Schema.safeParse(v1).success).toBe(true)
    expect(readV1(v1Field)).toMatchObject({ protocol: 'x402', text: v1Field, key: null })
    expect(contentOf(readV1(v1Field))).toMatchObject({
      version: 1,
      accepted: null,
      v1Network: 'base-sepolia',
      signature: signatureOf(v1),
      authorization: { from: PAYER, to: RECIPIENT, value: 10_000n },
    })
  })

  test('the id that names a request is its key', () => {
    const id = generatePaymentId()
    const extensions = appendPaymentIdentifierToExtensions(structuredClone(v2.extensions ?? {}), id)
    expect(readV2(writeV2({ ...v2, extensions }))).toMatchObject({ key: id })
  })

  test('no extensions are as good as none', () => {
    for (const extensions of [undefined, null, {}, { other: 1 }]) {
      expect(readV2(write({ ...v2, extensions }))).toMatchObject({ key: null })
    }
  })
})

describe('ids of requests', () => {
  const id = fc.oneof(
    fc.string({ maxLength: 140 }),
    fc.stringMatching(/^[a-zA-Z0-9_-]{15,17}$/),
    fc.stringMatching(/^[a-zA-Z0-9_-]{127,129}$/),
    fc.stringMatching(/^[a-zA-Z0-9_-]{20}[\n .]?$/),
  )

  test('are those that the official validator takes, and no others', () => {
    fc.assert(
      fc.property(id, (id) => {
        const extensions = { 'payment-identifier': { info: { required: false, id } } }
        const read = readV2(write({ ...v2, extensions }))
        expect(isRefusal(read)).toBe(!isValidPaymentId(id))
        const official = extractAndValidatePaymentIdentifier({ ...v2, extensions })
        expect(isRefusal(read) ? null : read?.key).toBe(official.id)
      }),
    )
  })

  test.each([7, null, {}, []])('that are %j are refused by name', (id) => {
    const extensions = { 'payment-identifier': { info: { required: true, id } } }
    expect(refusalOf(readV2(write({ ...v2, extensions }))).detail).toBe(
      'PAYMENT-SIGNATURE has no valid extensions.payment-identifier.info.id.',
    )
  })
})

describe('a request', () => {
  test('without a credential has none, nor has one with a stub', () => {
    expect(readCredential(new Headers())).toBeNull()
    expect(readV1('stub_anything')).toBeNull()
  })

  test('with a credential of each version is refused (case 20)', () => {
    const both = new Headers({ 'payment-signature': writeV2(v2), 'x-payment': v1Field })
    expect(readCredential(both)).toMatchObject({ reason: 'bad-request' })
  })

  test('with credentials of both protocols is refused (case 20)', () => {
    const environment = createEnvironment()
    const protocols = [x402({ networks }), mpp({ methods: [createMethod('tempo')] })].map((protocol) =>
      protocol(environment),
    )
    for (const [field, value] of [
      ['payment-signature', writeV2(v2)],
      ['x-payment', v1Field],
    ] as const) {
      for (const authorization of ['Payment e30', 'Payment not-even-one!']) {
        const refusal = presentedCredential(new Headers({ [field]: value, authorization }), protocols)
        expect(refusal).toMatchObject({ reason: 'bad-request' })
      }
      const bearer = new Headers({ [field]: value, authorization: 'Bearer of-the-application' })
      expect(presentedCredential(bearer, protocols)).toMatchObject({ credential: { protocol: 'x402' } })
    }
    expect(catalog['bad-request'].status).toBe(400)
  })

  test.each([16_385, 2 ** 20])(
    'with a credential of %i characters gets 431, and no part of it (case 19)',
    (length) => {
      for (const refusal of [readV2('A'.repeat(length)), readV1('A'.repeat(length))].map(refusalOf)) {
        expect(refusal.reason).toBe('credential-too-large')
        expect(JSON.stringify(refusal).length).toBeLessThan(300)
      }
      expect(catalog['credential-too-large'].status).toBe(431)
    },
  )

  test('with the same field twice is refused', () => {
    const twice = new Headers([
      ['payment-signature', writeV2(v2)],
      ['payment-signature', writeV2(v2)],
    ])
    expect(readCredential(twice)).toMatchObject({ reason: 'malformed-credential' })
  })
})

describe('a malformed credential', () => {
  test('in another encoding is refused', () => {
    const json = JSON.stringify(v2)
    const base64 = Buffer.from(`${json} `.padEnd(Math.ceil((json.length + 1) / 3) * 3 + 1)).toString('base64')
    for (const text of [
      '',
      json,
      base64.replace(/=+$/, ''),
      Buffer.from('{"x402Version":2,"?":"???>>>"}').toString('base64url'),
      `${base64.slice(0, 40)} ${base64.slice(40)}`,
      Buffer.from(`\ufeff${json}`, 'utf16le').toString('base64'),
      Buffer.from([0x7b, 0xff, 0x7d]).toString('base64'),
      write([v2]),
      write('text'),
      write(null),
      Buffer.from(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`).toString('base64'),
      Buffer.from(json.slice(0, -1)).toString('base64'),
    ]) {
      expect([text.slice(0, 20), refusalOf(readV2(text)).reason]).toEqual([
        text.slice(0, 20),
        'malformed-credential',
      ])
    }
  })

  const hex = '0x0123456789abcdef'
  const AMOUNTS = [
    '',
    ' 1',
    '0x10',
    '-1',
    '1e3',
    '01',
    '1.5',
    '9'.repeat(80),
    '１２３',
    10_000,
    null,
    2n ** 256n,
  ]
  test.each([
    ['x402Version', [undefined, 1, '2', 3, null]],
    ['accepted', [undefined, null, 'exact', [], 7]],
    ['payload', [undefined, null, 'text', []]],
    ['payload.signature', [undefined, null, 7, '', 'xyz', '0x0', `0x${'ab'.repeat(5000)}`, '0xzz']],
    ['payload.authorization', [undefined, null, 'text', []]],
    ['payload.authorization.from', [undefined, null, hex, PAYER.slice(2), `${PAYER}00`, ` ${PAYER}`]],
    ['payload.authorization.to', [undefined, null, hex, 'vitalik.eth', PAYER.replace('0x', '0X')]],
    ['payload.authorization.value', [undefined, ...AMOUNTS]],
    ['payload.authorization.validAfter', [undefined, ...AMOUNTS]],
    ['payload.authorization.validBefore', [undefined, ...AMOUNTS]],
    ['payload.authorization.nonce', [undefined, null, hex, 7, `0x${'ab'.repeat(33)}`, 'ab'.repeat(32)]],
    ['extensions', ['text', 7, []]],
    ['extensions.payment-identifier', ['text', 7, {}]],
  ] as [string, unknown[]][])(
    'has its bad %s named, and nothing of it repeated (cases 10 and 14)',
    (path, values) => {
      for (const given of values) {
        const value = typeof given === 'bigint' ? given.toString() : given
        const refusal = refusalOf(readV2(write(withMember(v2, path, value))))
        expect(refusal).toMatchObject({ reason: 'malformed-credential', cause: 'invalid_payload' })
        expect(refusal.detail).toMatch(
          new RegExp(`^PAYMENT-SIGNATURE has no valid ${path.replaceAll('.', '\\.')}`),
        )
        expect(JSON.stringify(refusal)).not.toContain(signatureOf(v2).slice(2, 20))
      }
    },
  )

  test.each([
    ['scheme', [undefined, 'upto', null]],
    ['network', [undefined, null, 84532]],
    ['payload.authorization.value', ['01', 10_000]],
    ['x402Version', [2, '1', undefined]],
  ] as [string, unknown[]][])('of v1 has its bad %s named', (path, values) => {
    for (const value of values) {
      expect(refusalOf(readV1(write(withMember(v1, path, value)))).detail).toBe(
        `X-PAYMENT has no valid ${path}.`,
      )
    }
  })
})

describe('hostile input', () => {
  const paths = (value: unknown, path = ''): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, item]) => [`${path}${name}`, ...paths(item, `${path}${name}.`)])
      : []

  test('of any text never throws', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary-ascii' }).filter((text) => !/[\0\r\n]/.test(text)),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64')),
    )
    fc.assert(
      fc.property(text, (text) => {
        for (const read of [readV2(text), readV1(text)]) if (read !== null) refusalOf(read)
      }),
    )
  })

  test('with any member replaced by anything never throws, names a member, and shows no signature', () => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(undefined, JSON.parse('{"__proto__": {"a": 1}}')),
    )
    fc.assert(
      fc.property(fc.nat(), anything, fc.boolean(), (at, value, isV2) => {
        const all = paths(isV2 ? v2 : v1)
        const hostile = withMember<unknown>(isV2 ? v2 : v1, all[at % all.length] ?? '', value)
        const read = (isV2 ? readV2 : readV1)(write(hostile))
        if (read === null) throw new Error('a credential was overlooked')
        if (!isRefusal(read)) return
        expect(read.reason).toBe('malformed-credential')
        expect(read.detail).toMatch(
          /^(?:PAYMENT-SIGNATURE|X-PAYMENT) (?:has no valid [\w.-]+\.|does not hold)/,
        )
        expect(JSON.stringify(read)).not.toContain(signatureOf(isV2 ? v2 : v1).slice(2, 20))
      }),
      { numRuns: 1000 },
    )
  })
})
