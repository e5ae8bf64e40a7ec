import type { Clock } from '../../src/lib/clock.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import type { Finality } from '../../src/protocols/protocol.ts'

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
/** How long blocks may be taken back. */
const SHALLOW_MS = 45_000
/** How long before it is refused already. */
const MARGIN_MS = 6000

interface Authorization {
  readonly validBefore: number
  /** When its money moved; `null` when it has not, or not any more. */
  movedAt: number | null
  wasTakenBack: boolean
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
  /** The last blocks are taken back: what they held is on its way again. */
  reorganise(): void
  /** Whether the money of a proof moved. */
  hasMoved(proof: string): boolean
  /** Whether a block that held it was taken back. */
  wasTakenBack(proof: string): boolean
  /** Whether it may still move, though nobody submits it any more. */
  mayMove(proof: string): boolean
  /** Whether a credential for this proof is refused because it has expired. */
  isExpired(proof: string): boolean
  /** Proofs whose money moved. */
  moved(): readonly string[]
  settle(proof: string): Settlement
  reconcile(proof: string): Settlement
  confirm(proof: string): Finality
}

export function createChain(clock: Clock): Chain {
  const authorizations = new Map<string, Authorization>()

  function sign(proof: string): Authorization {
    const authorization = authorizations.get(proof) ?? {
      validBefore: clock() + VALID_MS,
      movedAt: null,
      wasTakenBack: false,
      isCancelled: false,
      isPending: false,
    }
    authorizations.set(proof, authorization)
    return authorization
  }

  const isValid = ({ validBefore, movedAt, isCancelled }: Authorization): boolean =>
    movedAt === null && !isCancelled && clock() < validBefore

  const isShallow = ({ movedAt }: Authorization): boolean =>
    movedAt !== null && clock() < movedAt + SHALLOW_MS

  function move(authorization: Authorization): void {
    if (isValid(authorization)) authorization.movedAt = clock()
  }

  const chain: Chain = {
    weather: 'fair',
    isReadable: true,
    sign,
    land() {
      for (const authorization of authorizations.values()) {
        if (authorization.isPending) move(authorization)
        authorization.isPending = false
      }
    },
    reorganise() {
      const shallow = { movedAt: null, isPending: true, wasTakenBack: true }
      for (const authorization of authorizations.values()) {
        if (isShallow(authorization)) Object.assign(authorization, shallow)
      }
    },
    hasMoved: (proof) => sign(proof).movedAt !== null,
    wasTakenBack: (proof) => sign(proof).wasTakenBack,
    mayMove: (proof) => sign(proof).isPending && isValid(sign(proof)),
    isExpired: (proof) => clock() > sign(proof).validBefore - MARGIN_MS,
    moved: () => [...authorizations].filter(([, { movedAt }]) => movedAt !== null).map(([proof]) => proof),
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
          move(authorization)
          return LOST
        case 'broken':
          move(authorization)
          throw new Error('a failure that nobody foresaw')
        case 'fair':
          // What was spent is spent: the token does not say by whom, and neither does a hurried settler.
          if (!wasValid) return failed('nonce_already_used')
          move(authorization)
          return settled(proof)
      }
    },
    reconcile(proof) {
      const { movedAt, isCancelled, validBefore } = sign(proof)
      if (!chain.isReadable) return LOST
      if (movedAt !== null) return settled(proof)
      if (isCancelled) return failed('cancelled')
      if (clock() < validBefore) return { outcome: 'unsent', detail: 'unused' }
      return clock() < validBefore + FINAL_MS ? LOST : failed('expired')
    },
    confirm(proof) {
      const authorization = sign(proof)
      if (!chain.isReadable) return 'pending'
      if (authorization.movedAt === null) return 'vanished'
      return isShallow(authorization) ? 'pending' : 'final'
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
