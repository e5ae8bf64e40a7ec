// Imports types only: it goes with the packed package into other runtimes too.
import type { Address } from '../../src/payments/address.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import type { Refusal } from '../../src/problems/refusal.ts'
import type { Finality, ProtocolFactory } from '../../src/protocols/protocol.ts'

/** A protocol whose every answer the test decides: what the gate does with it is what is tested. */
export interface Script {
  verify: (text: string) => Refusal | null | Promise<Refusal | null>
  settle: (text: string) => Promise<Settlement>
  reconcile: () => Promise<Settlement>
  /** Whether settled payments are watched, and what the chain says of them. */
  confirm: ((transaction: string | null) => Promise<Finality>) | null
  payer: Address
  /** Proof of a credential. Default: the credential itself. */
  proof: (text: string) => string
  /** What was called, in order. */
  readonly calls: string[]
}

export const SETTLED: Settlement = { outcome: 'settled', transaction: '0xabc', block: '1' }

const NOBODY = `0x${'1'.repeat(40)}` as const

export function createScript(): Script {
  return {
    verify: () => null,
    settle: async () => SETTLED,
    reconcile: async () => ({ outcome: 'unknown', transaction: null, detail: 'no answer' }),
    confirm: null,
    payer: NOBODY,
    proof: (text) => text,
    calls: [],
  }
}

/** Credentials of the scripted protocol stand in `X-Scripted`. */
export function scripted(script: Script): ProtocolFactory {
  return () => ({
    name: 'x402',
    chains: ['eip155:1'],
    checkPrice: () => {},
    offers: ({ price, recipient }) => [
      {
        method: 'exact',
        network: 'eip155:1',
        asset: NOBODY,
        amount: price.digits * 10n ** BigInt(6 - price.decimals),
        recipient: recipient('eip155:1'),
      },
    ],
    challenge: (charge) => ({ headers: [['x-challenge', charge.route]], members: { digest: charge.digest } }),
    credential(headers) {
      const text = headers.get('x-scripted')
      if (text === null) return null
      return text === 'malformed'
        ? { kind: 'refusal', reason: 'malformed-credential', detail: 'Not this.' }
        : { protocol: 'x402', text, key: null, content: null }
    },
    async verify({ text }, charge) {
      script.calls.push('verify')
      const refusal = await script.verify(text)
      if (refusal !== null) return refusal
      return {
        proofs: [script.proof(text)],
        method: 'exact',
        network: 'eip155:1',
        asset: { address: NOBODY, decimals: 6, symbol: 'USDC' },
        amount: 10_000n,
        payer: script.payer,
        recipient: charge.recipient('eip155:1'),
        evidence: {},
        deferred: { text },
        settle() {
          script.calls.push('settle')
          return script.settle(text)
        },
      }
    },
    reconcile() {
      script.calls.push('reconcile')
      return script.reconcile()
    },
    settleDeferred(_payment, { text }) {
      script.calls.push('settle')
      return script.settle(String(text))
    },
    watches: () => script.confirm !== null,
    confirm: async ({ transaction }) => script.confirm?.(transaction) ?? 'final',
    receipt: (payment) => [['x-receipt', payment.id]],
  })
}
