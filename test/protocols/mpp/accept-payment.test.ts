import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as AcceptPayment from '../../../node_modules/mppx/dist/internal/AcceptPayment.js'
import { parseAcceptPayment, selectMethods } from '../../../src/protocols/mpp/accept-payment.ts'
import { createMethod } from './fixtures.ts'

const methods = [createMethod('tempo'), createMethod('evm'), createMethod('stripe')]
const names = (field: string | null): readonly string[] =>
  selectMethods(methods, field).map(({ name }) => name)

test.each([
  [null, ['tempo', 'evm', 'stripe']],
  ['', ['tempo', 'evm', 'stripe']],
  ['evm/charge', ['evm']],
  ['evm/charge, tempo/charge;q=0.5', ['evm', 'tempo']],
  ['*/*;q=0.1, stripe/*', ['stripe', 'tempo', 'evm']],
  ['*/charge, tempo/charge;q=0', ['evm', 'stripe']],
  ['tempo/*;q=0.2 , evm/charge ; q=0.9', ['evm', 'tempo']],
  ['tempo/session', ['tempo', 'evm', 'stripe']],
  ['*/*;q=0', ['tempo', 'evm', 'stripe']],
  ['evm', ['tempo', 'evm', 'stripe']],
  ['evm/charge;q=2', ['tempo', 'evm', 'stripe']],
  ['evm/charge;q=0.1234', ['tempo', 'evm', 'stripe']],
  ['EVM/charge', ['tempo', 'evm', 'stripe']],
  [',evm/charge,,', ['evm']],
])('%j offers %j', (field, expected) => {
  expect(names(field)).toEqual(expected)
})

const range = fc.record({
  method: fc.constantFrom('*', 'tempo', 'evm', 'stripe', 'solana'),
  intent: fc.constantFrom('*', 'charge', 'session'),
  q: fc.integer({ min: 0, max: 1000 }).map((q) => q / 1000),
})

test('what mppx writes is read, and ranked as mppx ranks it', () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (entries) => {
      const indexed = entries.map((entry, index) => ({ ...entry, index }))
      const field = AcceptPayment.serialize(indexed)
      expect(parseAcceptPayment(field)).toEqual(entries)
      const offers = methods.map(({ name }) => ({ method: name, intent: 'charge' }))
      const ranked = AcceptPayment.rank(offers, AcceptPayment.parse(field)).map(({ method }) => method)
      expect(names(field)).toEqual(ranked.length === 0 ? ['tempo', 'evm', 'stripe'] : ranked)
    }),
  )
})

test('hostile fields never throw', () => {
  const pieces = fc.constantFrom('tempo', '/', '*', ';', 'q=', '0.5', ',', ' ', '\t', 'é')
  const field = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 50 }).map((parts) => parts.join('')),
  )
  fc.assert(fc.property(field, (text) => void names(text)))
  names(';'.repeat(1e6))
  names(' '.repeat(1e6))
})
