import type { Clock } from '../../src/lib/clock.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import { refuse } from '../../src/problems/refusal.ts'
import type { ProtocolFactory } from '../../src/protocols/protocol.ts'
import type { Caller, Turns } from './turns.ts'

/**
 * How settlements go.
 *
 * - `fair`: they work.
 * - `lost`: they work, and their answers are lost.
 * - `broken`: the same, with a failure that nobody foresaw.
 * - `late`: their answers are lost, and they work later, if ever.
 * - `never`: they are lost themselves.
 * - `unsent`: nobody is reached, for certain.
 * - `poor`: refused, for a reason that may pass. What is on its way already may still arrive.
 * - `cancelled`: refused for good, because the payer cancelled.
 */
export type Weather = 'fair' | 'lost' | 'broken' | 'late' | 'never' | 'unsent' | 'poor' | 'cancelled'

/** How long an authorization is valid. */
const VALID_MS = 300_000
/** How long after it is certain that no block will take it. */
const FINAL_MS = 60_000
/** How long before it is refused already. */
const MARGIN_MS = 6000

interface Authorization {
  readonly validBefore: number
  hasMoved: boolean
  isCancelled: boolean
  /** Submitted, in no block yet. */
  isPending: boolean
}

/** What really happened to the money: a token that accepts every authorization once, as EIP-3009 says. */
export interface Chain {
  weather: Weather
  /** Whether the chain can be asked. */
  isReadable: boolean
  /** The payer signs, when it has not yet. */
  sign(proof: string): Authorization
  /** What is on its way arrives. */
  land(): void
  /** Whether the money of a proof moved. */
  hasMoved(proof: string): boolean
  /** Whether it may still move, though nobody submits it any more. */
  mayMove(proof: string): boolean
  /** Whether a credential for this proof is refused because it has expired. */
  isExpired(proof: string): boolean
  /** Proofs whose money moved. */
  moved(): readonly string[]
  settle(proof: string): Settlement
  reconcile(proof: string): Settlement
}

export function createChain(clock: Clock): Chain {
  const authorizations = new Map<string, Authorization>()

  function sign(proof: string): Authorization {
    const fresh = { validBefore: clock() + VALID_MS, hasMoved: false, isCancelled: false, isPending: false }
    const authorization = authorizations.get(proof) ?? fresh
    authorizations.set(proof, authorization)
    return authorization
  }

  const isValid = ({ validBefore, hasMoved, isCancelled }: Authorization): boolean =>
    !hasMoved && !isCancelled && clock() < validBefore

  const chain: Chain = {
    weather: 'fair',
    isReadable: true,
    sign,
    land() {
      for (const authorization of authorizations.values()) {
        if (authorization.isPending && isValid(authorization)) authorization.hasMoved = true
        authorization.isPending = false
      }
    },
    hasMoved: (proof) => sign(proof).hasMoved,
    mayMove: (proof) => sign(proof).isPending && isValid(sign(proof)),
    isExpired: (proof) => clock() > sign(proof).validBefore - MARGIN_MS,
    moved: () => [...authorizations].filter(([, { hasMoved }]) => hasMoved).map(([proof]) => proof),
    settle(proof) {
      const authorization = sign(proof)
      const wasValid = isValid(authorization)
      switch (chain.weather) {
        case 'unsent':
          return { outcome: 'unsent', detail: 'nobody was reached' }
        case 'never':
          return LOST
        case 'poor':
          return failed('insufficient_balance')
        case 'late':
          authorization.isPending ||= wasValid
          return { ...LOST, transaction: `0x${proof}` }
        case 'cancelled':
          authorization.isCancelled ||= wasValid
          return failed('nonce_already_used')
        case 'lost':
          authorization.hasMoved ||= wasValid
          return LOST
        case 'broken':
          authorization.hasMoved ||= wasValid
          throw new Error('a failure that nobody foresaw')
        case 'fair':
          // What was spent is spent: the token does not say by whom, and neither does a hurried settler.
          if (!wasValid) return failed('nonce_already_used')
          authorization.hasMoved = true
          return settled(proof)
      }
    },
    reconcile(proof) {
      const { hasMoved, isCancelled, validBefore } = sign(proof)
      if (!chain.isReadable) return LOST
      if (hasMoved) return settled(proof)
      if (isCancelled) return failed('cancelled')
      if (clock() < validBefore) return { outcome: 'unsent', detail: 'unused' }
      return clock() < validBefore + FINAL_MS ? LOST : failed('expired')
    },
  }
  return chain
}

const LOST: Settlement & { outcome: 'unknown' } = {
  outcome: 'unknown',
  transaction: null,
  detail: 'no answer',
}
const settled = (proof: string): Settlement => ({ outcome: 'settled', transaction: `0x${proof}`, block: '1' })
const failed = (cause: string): Settlement => ({ outcome: 'failed', cause, detail: '' })

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
    watches: () => false,
    confirm: async () => 'final',
    receipt: ({ id }) => [['x-receipt', id]],
  })
}
