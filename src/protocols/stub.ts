import { toBaseUnits } from '../payments/amount.ts'
import type { Asset } from '../payments/asset.ts'
import type { ChainId } from '../payments/chain.ts'
import type { Settlement } from '../payments/settlement.ts'
import { refuse } from '../problems/refusal.ts'
import type { Credential, ProtocolFactory, Verified } from './protocol.ts'

/** A chain and a token that stand for no money at all. */
const NETWORK: ChainId = 'eip155:0'
const NOBODY = `0x${'0'.repeat(40)}` as const
const NOTHING: Asset = { address: NOBODY, decimals: 18, symbol: 'STUB' }

const FREE: Settlement = { outcome: 'settled', transaction: null, block: null }

const CREDENTIAL = /^stub_[\x21-\x7e]{1,256}$/

/**
 * Payments for trying things out: `X-PAYMENT: stub_<anything>` is good once per value, for whatever price. The value is
 * the proof, so replay protection can be tried too. It offers nothing in a 402.
 */
export function stub(): ProtocolFactory {
  return () => ({
    name: 'x402',
    chains: [NETWORK],
    challenge: () => null,
    offers: () => [],
    checkPrice: () => {},
    credential(request) {
      const text = request.get('x-payment')
      if (text === null || !text.startsWith('stub_')) return null
      if (!CREDENTIAL.test(text)) {
        return refuse('malformed-credential', 'The stub credential is not well-formed.', {
          expected: 'stub_ and up to 256 printable characters',
        })
      }
      return { protocol: 'x402', text, key: null, content: null }
    },
    async verify({ text }: Credential, charge): Promise<Verified> {
      return {
        proofs: [`stub:${text}`],
        method: 'stub',
        network: NETWORK,
        asset: NOTHING,
        amount: toBaseUnits(charge.price, NOTHING.decimals),
        payer: NOBODY,
        recipient: charge.recipient(NETWORK),
        evidence: {},
        deferred: null,
        settle: async () => FREE,
      }
    },
    reconcile: async () => FREE,
    settleDeferred: async () => FREE,
    watches: () => false,
    confirm: async () => 'final',
    receipt: () => [],
  })
}
