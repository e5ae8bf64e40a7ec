import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainMppChallenges } from '../../src/cli/explain/explain-mpp-challenge.ts'
import { explainText } from '../../src/cli/explain/explain-value.ts'
import { formatExplanation } from '../../src/cli/show/explanation.ts'

/** What could do something to a terminal, or make text read as other text. */
const UNSAFE = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u

const NAMES = [
  'PAYMENT-REQUIRED',
  'PAYMENT-SIGNATURE',
  'X-PAYMENT',
  'PAYMENT-RESPONSE',
  'X-PAYMENT-RESPONSE',
  'Authorization: Payment',
  'Payment-Receipt',
  'X-Session-Token',
]

/** Members that the protocols know, with anything in them. */
const member = fc.constantFrom(
  ...[
    'x402Version',
    'accepts',
    'accepted',
    'payload',
    'authorization',
    'signature',
    'network',
    'amount',
    'asset',
  ],
  ...[
    'payTo',
    'extra',
    'resource',
    'challenge',
    'request',
    'methodDetails',
    'chainId',
    'expires',
    'validBefore',
  ],
  ...['type', 'source', 'success', 'status', 'id', 'method', 'intent', 'splits', 'value', 'from', 'nonce'],
)
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      'exact',
      'eip155:8453',
      'base',
      '10000',
      `0x${'1'.repeat(40)}`,
      'charge',
      'tempo',
      'evm',
      '0',
      2,
    ),
    fc.jsonValue(),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(member, fc.string()), tie('json'), { maxKeys: 6 }),
  ),
}))

describe('explanations of whatever somebody sends', () => {
  it('never throw, and carry nothing that a terminal obeys', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      json.map((held) => Buffer.from(JSON.stringify(held)).toString('base64')),
      json.map((held) => Buffer.from(JSON.stringify(held)).toString('base64url')),
      json.map((held) => JSON.stringify(held)),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', ...NAMES), value, async (name, text) => {
        for (const found of await explainText(name === '' ? text : `${name}: ${text}`))
          expect(formatExplanation(found)).not.toMatch(UNSAFE)
      }),
      { numRuns: 3000 },
    )
  })

  it('of challenges, too', () => {
    const params = fc.dictionary(
      fc.constantFrom('id', 'realm', 'method', 'intent', 'request', 'expires', 'opaque'),
      json,
    )
    fc.assert(
      fc.property(fc.array(params, { maxLength: 4 }), (challenges) => {
        const field = challenges.map(
          (each) =>
            `Payment ${Object.entries(each)
              .map(([name, held]) => {
                const text =
                  name === 'request'
                    ? Buffer.from(JSON.stringify(held)).toString('base64url')
                    : (JSON.stringify(held) ?? '').replace(/[^\x20-\x7e]/g, '')
                return `${name}="${text.replace(/["\\]/g, '\\$&')}"`
              })
              .join(', ')}`,
        )
        const found = explainMppChallenges(field.join(', '))
        if (found !== null) expect(formatExplanation(found)).not.toMatch(UNSAFE)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['blank lines', '\n\n{'.repeat(300_000)],
    ['names of fields', 'PAYMENT-REQUIRED: x\n'.repeat(50_000)],
    ['brackets', `PAYMENT-REQUIRED: ${Buffer.from('['.repeat(700_000)).toString('base64')}`],
    ['quotes', `WWW-Authenticate: Payment ${'a="b", '.repeat(8000)}`],
    ['spaces', `Payment ${' '.repeat(1_000_000)}x`],
  ])('take linear time over a megabyte of %s', async (_what, text) => {
    const started = performance.now()
    await explainText(text)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})
