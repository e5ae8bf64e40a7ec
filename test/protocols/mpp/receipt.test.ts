import fc from 'fast-check'
import { Receipt } from 'mppx'
import { describe, expect, test } from 'vitest'
import { formatReceipt, parseReceipt, receiptFields } from '../../../src/protocols/mpp/receipt.ts'
import type { Verified } from '../../../src/protocols/protocol.ts'
import { RECIPIENT, recordOf, settledRecordOf } from './fixtures.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')
const verified: Verified = {
  proofs: ['mpp:challenge:the-id', 'mpp:eip155:42431:tx:0x01'],
  method: 'tempo',
  network: 'eip155:42431',
  asset: { address: RECIPIENT, decimals: 6, symbol: 'TEST' },
  amount: 1n,
  payer: RECIPIENT,
  recipient: RECIPIENT,
  evidence: {},
  deferred: null,
  settle: async () => ({ outcome: 'unsent', detail: '' }),
}
const paid = settledRecordOf(verified, { outcome: 'settled', transaction: '0x01', block: '7' }, NOW)

describe('the receipt', () => {
  test('is read by mppx', () => {
    const [[name, value] = ['', '']] = receiptFields(paid, 200)
    expect(name).toBe('Payment-Receipt')
    expect(Receipt.deserialize(value)).toEqual({
      status: 'success',
      method: 'tempo',
      timestamp: '2030-01-01T00:00:00.000Z',
      reference: '0x01',
    })
  })

  test('refers to the challenge when no transaction paid', () => {
    const free = settledRecordOf(verified, { outcome: 'settled', transaction: null, block: null }, NOW)
    const [[, value] = ['', '']] = receiptFields(free, 204)
    expect(parseReceipt(value)?.reference).toBe('the-id')
  })

  test.each([[301], [399], [400], [402], [500], [199]])('does not go with status %i (case 12)', (status) => {
    expect(receiptFields(paid, status)).toEqual([])
  })

  test('does not go with a payment whose money has not moved', () => {
    expect(receiptFields(recordOf(verified, NOW), 200)).toEqual([])
    const inDoubt = settledRecordOf(verified, { outcome: 'unknown', transaction: '0x01', detail: '' }, NOW)
    expect(receiptFields(inDoubt, 200)).toEqual([])
  })
})

test('a receipt of mppx is read, with members of its own', () => {
  const receipt = {
    status: 'success',
    method: 'tempo',
    timestamp: '2030-01-01T00:00:00Z',
    reference: '0x01',
  } as const
  expect(parseReceipt(Receipt.serialize(Receipt.from({ ...receipt, externalId: 'order 7' })))).toEqual(
    receipt,
  )
  expect(Receipt.deserialize(formatReceipt(receipt))).toEqual(receipt)
})

test('hostile receipts never throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => void parseReceipt(text)))
  expect(parseReceipt('e30')).toBeNull()
  expect(parseReceipt('')).toBeNull()
})
