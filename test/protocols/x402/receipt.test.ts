import { decodePaymentResponseHeader } from '@x402/core/http'
import { describe, expect, test } from 'vitest'
import { decodeXPaymentResponse } from 'x402/shared'
import { SettleResponseSchema } from 'x402/types'
import { afterSettlement, type Payment } from '../../../src/payments/payment.ts'
import type { Settlement } from '../../../src/payments/settlement.ts'
import type { Verified } from '../../../src/protocols/protocol.ts'
import { receiptFields } from '../../../src/protocols/x402/receipt.ts'
import { RECIPIENT, recordOf } from '../mpp/fixtures.ts'
import { PAYER } from './fixtures.ts'

const TRANSACTION = `0x${'ab'.repeat(32)}`
const SETTLED: Settlement = { outcome: 'settled', transaction: TRANSACTION, block: '7' }

const verified: Verified = {
  proofs: ['x402:…'],
  method: 'exact',
  network: 'eip155:84532',
  asset: { address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e', decimals: 6, symbol: 'USDC' },
  amount: 10_000n,
  payer: PAYER,
  recipient: RECIPIENT,
  evidence: {},
  deferred: null,
  settle: async () => SETTLED,
}
const claim: Payment = { ...recordOf(verified, 0), protocol: 'x402' }

describe('a receipt', () => {
  test('of v2 is one field, which the official decoder reads', () => {
    const [[name, value] = ['', ''], ...more] = receiptFields(afterSettlement(claim, SETTLED, 1))
    expect([name, more]).toEqual(['PAYMENT-RESPONSE', []])
    expect(decodePaymentResponseHeader(value)).toEqual({
      success: true,
      transaction: TRANSACTION,
      network: 'eip155:84532',
      payer: PAYER,
      amount: '10000',
    })
  })

  test('of v1 is what its own schema asks for, with the chain by the name that the payer used', () => {
    const payment = { ...claim, evidence: { v1Network: 'base-sepolia' } }
    const [[name, value] = ['', ''], ...more] = receiptFields(afterSettlement(payment, SETTLED, 1))
    expect([name, more]).toEqual(['X-PAYMENT-RESPONSE', []])
    const receipt = decodeXPaymentResponse(value)
    expect(receipt).toEqual({
      success: true,
      transaction: TRANSACTION,
      network: 'base-sepolia',
      payer: PAYER,
    })
    expect(SettleResponseSchema.parse(receipt)).toEqual(receipt)
  })

  test('of a zero price names no transaction, and one that is not settled yet says so', () => {
    const free: Settlement = { outcome: 'settled', transaction: null, block: null }
    for (const [payment, status] of [
      [afterSettlement(claim, free, 1), undefined],
      [claim, 'pending'],
    ] as const) {
      const receipt = decodePaymentResponseHeader(receiptFields(payment)[0]?.[1] ?? '')
      expect(receipt).toMatchObject({ success: true, transaction: '' })
      expect((receipt as { status?: string }).status).toBe(status)
    }
  })
})
