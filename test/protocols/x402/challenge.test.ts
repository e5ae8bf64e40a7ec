import { encodePaymentRequiredHeader } from '@x402/core/http'
import { PaymentRequiredV1Schema, PaymentRequiredV2Schema } from '@x402/core/schemas'
import {
  declarePaymentIdentifierExtension,
  isPaymentIdentifierExtension,
  isPaymentIdentifierRequired,
  validatePaymentIdentifier,
} from '@x402/extensions/payment-identifier'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PaymentRequirementsSchema } from 'x402/types'
import { evmNetwork } from '../../../src/evm/network.ts'
import { createCoffer } from '../../../src/gate/coffer.ts'
import { refuse } from '../../../src/problems/refusal.ts'
import { x402 } from '../../../src/protocols/x402/index.ts'
import { memory } from '../../../src/stores/memory.ts'
import { createCharge, RECIPIENT } from '../mpp/fixtures.ts'
import { challengeOf, networks, payV1, payV2, readV1, readV2, requiredOf, writeV2 } from './fixtures.ts'

const SEPOLIA_USDC = '0x036cbd53842c5426634e7929541ec2318f3dcf7e'
const BASE_USDC = '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913'
const CHALLENGE = expect.stringMatching(/^0x[0-9a-f]{32}$/)

const v1Of = (charge: ReturnType<typeof createCharge>, over = networks): Record<string, unknown> => ({
  ...challengeOf(charge, over).members,
})

describe('PAYMENT-REQUIRED', () => {
  test('says all that the specification asks for, as the official decoder and schema read it', () => {
    const required = requiredOf(challengeOf(createCharge()))
    expect(PaymentRequiredV2Schema.parse(required)).toEqual(required)
    const requirement = {
      scheme: 'exact',
      amount: '10000',
      payTo: RECIPIENT,
      maxTimeoutSeconds: 300,
    }
    const bound = { route: 'GET /report', challenge: CHALLENGE }
    expect(required).toEqual({
      x402Version: 2,
      error: 'payment-required',
      resource: { url: 'https://api.example.com/report', description: 'One report' },
      extensions: { 'payment-identifier': { info: { required: false }, schema: expect.anything() } },
      accepts: [
        {
          ...requirement,
          network: 'eip155:84532',
          asset: SEPOLIA_USDC,
          extra: { name: 'USDC', version: '2', ...bound },
        },
        {
          ...requirement,
          network: 'eip155:8453',
          asset: BASE_USDC,
          extra: { name: 'USD Coin', version: '2', ...bound },
        },
      ],
    })
  })

  test('is written as the official encoder writes it', () => {
    const challenge = challengeOf(createCharge({ description: 'Ünïcödé 🐝' }))
    expect(challenge.headers).toEqual([
      ['PAYMENT-REQUIRED', encodePaymentRequiredHeader(requiredOf(challenge))],
    ])
  })

  test('names the cause of a refusal in the words of x402', () => {
    const refusal = refuse('verification-failed', 'No.', { cause: 'invalid_exact_evm_signature' })
    const challenge = challengeOf(createCharge(), networks, refusal)
    expect(requiredOf(challenge).error).toBe('invalid_exact_evm_signature')
    expect(challenge.members?.['error']).toBe('invalid_exact_evm_signature')
  })

  test('leaves out what there is none of, and binds a body by its digest', () => {
    const digest = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
    const { resource, accepts } = requiredOf(challengeOf(createCharge({ description: null, digest })))
    expect(resource).toEqual({ url: 'https://api.example.com/report' })
    expect(accepts.map(({ extra }) => extra['digest'])).toEqual([digest, digest])
  })

  test('names a URL with its query, unless that would make the paid request too large', () => {
    const url = 'https://api.example.com/report?q='
    const longest = url.padEnd(2048, 'q')
    const urlOf = (url: string) => requiredOf(challengeOf(createCharge({ url }))).resource.url
    expect(urlOf(longest)).toBe(longest)
    expect(urlOf(`${longest}q`)).toBe('https://api.example.com/report')
  })

  test('never comes twice: only the payer can know the credential that answers it', () => {
    const charge = createCharge()
    const challenges = Array.from(
      { length: 100 },
      () => requiredOf(challengeOf(charge)).accepts[0]?.extra['challenge'],
    )
    expect(new Set(challenges)).toHaveLength(100)
  })
})

describe('the members for v1', () => {
  test('are what its own schema asks for, with a chain by its old name', () => {
    const members = v1Of(createCharge())
    expect(PaymentRequiredV1Schema.safeParse(members).success).toBe(true)
    const common = {
      scheme: 'exact',
      maxAmountRequired: '10000',
      resource: 'https://api.example.com/report',
      description: 'One report',
      mimeType: '',
      payTo: RECIPIENT,
      maxTimeoutSeconds: 300,
    }
    const accepts = [
      { ...common, network: 'base-sepolia', asset: SEPOLIA_USDC, extra: { name: 'USDC', version: '2' } },
      { ...common, network: 'base', asset: BASE_USDC, extra: { name: 'USD Coin', version: '2' } },
    ]
    expect(members).toEqual({ x402Version: 1, error: 'payment-required', accepts })
    expect(accepts.map((one) => PaymentRequirementsSchema.parse(one))).toEqual(accepts)
  })

  test('offer one token per chain, and no chain that v1 has no name for', () => {
    const [network] = networks
    const [usdc] = network?.assets ?? []
    if (!network || !usdc) throw new Error('there is no network')
    const other = { ...usdc, address: RECIPIENT, symbol: 'EURC' } as const
    const unnamed = evmNetwork({ chainId: 31337, assets: [usdc], settle: network.settler })
    const over = [{ ...network, assets: [usdc, other] }, unnamed]
    const challenge = challengeOf(createCharge(), over)
    expect(requiredOf(challenge).accepts.map(({ network, asset }) => [network, asset])).toEqual([
      ['eip155:84532', usdc.address],
      ['eip155:84532', other.address],
      ['eip155:31337', usdc.address],
    ])
    expect(v1Of(createCharge(), over)['accepts']).toMatchObject([
      { network: 'base-sepolia', asset: usdc.address },
    ])
  })
})

describe('the payment-identifier extension', () => {
  test.each([true, false])('is declared as the official helper declares it (required: %s)', (requireKey) => {
    const { extensions } = requiredOf(challengeOf(createCharge({ requireKey })))
    const ours = extensions?.['payment-identifier']
    const { info, schema } = declarePaymentIdentifierExtension(requireKey)
    const { type, properties, required } = schema
    expect(ours).toEqual({ info, schema: { type, properties, required } })
    expect(isPaymentIdentifierExtension(ours)).toBe(true)
    expect(isPaymentIdentifierRequired(ours)).toBe(requireKey)
    expect(validatePaymentIdentifier(ours)).toEqual({ valid: true })
  })
})

describe('options', () => {
  test.each([
    ['networks', { networks: [] }],
    ['networks', { networks: [networks[0], networks[0]] }],
    ['facilitator', { networks, facilitator: 'https://facilitator.example' }],
  ])('with bad or unknown %s are refused by name', (option, options) => {
    expect(() => x402(options as Parameters<typeof x402>[0])).toThrow(`x402.${option}: expected`)
  })
})

describe('a description', () => {
  const coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: RECIPIENT } },
    protocols: [x402({ networks })],
    store: memory(),
  })

  test('of any script reaches both official clients, and comes back from them (case 21)', async () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 60 })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what options must not have
      .filter((text) => text.isWellFormed() && !/[\x00-\x1f\x7f]/.test(text))
    await fc.assert(
      fc.asyncProperty(text, async (description) => {
        coffer.check({ price: '0.01', description })
        const challenge = challengeOf(createCharge({ description }))
        expect(challenge.headers[0]?.[1]).toMatch(/^[A-Za-z0-9+/]+={0,2}$/)
        const required = requiredOf(challenge)
        expect(required.resource.description).toBe(description)
        expect(v1Of(createCharge({ description }))['accepts']).toMatchObject([
          { description },
          { description },
        ])
        expect(readV2(writeV2(await payV2(required)))).toMatchObject({ protocol: 'x402' })
        expect(readV1(await payV1(challenge))).toMatchObject({ protocol: 'x402' })
      }),
      { numRuns: 25 },
    )
  })

  test.each(['two\r\nlines', 'a\nb', 'tab\t', '\0', '\x7f', 'half \ud83d'])(
    '%j is refused when the options are read, not when a request comes (case 21)',
    (description) => {
      expect(() => coffer.check({ price: '0.01', description })).toThrow(/^description: expected/)
    },
  )
})
