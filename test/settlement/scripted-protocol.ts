import { refuse } from '../../src/problems/refusal.ts'
import type { ProtocolFactory } from '../../src/protocols/protocol.ts'
import type { Chain } from './scripted-chain.ts'
import type { Caller, Turns } from './turns.ts'

/** What a credential spends: `ann-1` and `ann-1~` are two texts for one authorization. */
export const proofOf = (credential: string): string => credential.replaceAll('~', '')

const PAYERS = { ann: `0x${'a'.repeat(40)}`, bob: `0x${'b'.repeat(40)}` } as const

/** Pays on the chain. Credentials stand in `X-Scripted`. */
export function payingOn(chain: Chain, caller: Caller, turns: Turns): ProtocolFactory {
  return () => ({
    name: 'x402',
    chains: ['eip155:1'],
    checkPrice: () => {},
    offers: () => [],
    challenge: () => ({ headers: [] }),
    credential(headers) {
      const text = headers.get('x-scripted')
      return text === null ? null : { protocol: 'x402', text, key: null, content: null }
    },
    verify: ({ text }, charge) =>
      turns.wait(caller, 'verify', () => {
        const proof = proofOf(text)
        if (!chain.isReadable) return refuse('settlement-unavailable', 'The chain cannot be reached.')
        if (chain.isExpired(proof)) return refuse('challenge-expired', 'Too late.')
        return {
          proofs: [proof],
          method: 'exact',
          network: 'eip155:1',
          asset: { address: `0x${'c'.repeat(40)}`, decimals: 6, symbol: 'USDC' },
          amount: 10_000n,
          payer: PAYERS[text.startsWith('ann') ? 'ann' : 'bob'],
          recipient: charge.recipient('eip155:1'),
          evidence: { proof },
          deferred: { proof },
          settle: () => turns.wait(caller, 'settle', () => chain.settle(proof)),
        }
      }),
    reconcile: ({ proofs }) => turns.wait(caller, 'reconcile', () => chain.reconcile(String(proofs[0]))),
    settleDeferred: (_payment, { proof }) => turns.wait(caller, 'settle', () => chain.settle(String(proof))),
    watches: () => true,
    confirm: ({ proofs }) => turns.wait(caller, 'confirm', () => chain.confirm(String(proofs[0]))),
    receipt: ({ id }) => [['x-receipt', id]],
  })
}
