import { formatAmount } from '../payments/amount.ts'
import type { Address } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import type { Payment, ProtocolName } from '../payments/payment.ts'
import { CofferError } from '../problems/error.ts'
import { problemResponse } from '../problems/problem.ts'
import { refuse } from '../problems/refusal.ts'
import type { HeaderField, Protocol } from '../protocols/protocol.ts'
import type { ChargedRequest } from './charge.ts'
import { crossOriginFields } from './cross-origin.ts'
import type { Paid } from './pay.ts'
import type { Settings } from './settings.ts'

/** "Run the handler": what {@link handle} returns when the request is paid for. Exactly one ending must be called. */
export interface Next {
  readonly grant: Grant
  /** What the handler reads: the request itself, or a copy whose body was read to check its digest. */
  readonly request: Request
  /** Records how the handler answered and returns the response as the payer must see it. */
  finish(response: Response): Promise<Response>
  /** {@link finish} for servers that write their own head: called when status and headers are final, but not yet sent. */
  conclude(status: number, headers: Pick<Headers, 'get'>): Conclusion
  /** The handler threw, or nobody is there to read the answer: what was paid for stays owed. */
  abandon(): Promise<void>
}

/** What a server that writes its own head has to do. */
export interface Conclusion {
  /** Header fields to set, replacing any of the same name. */
  readonly set: readonly HeaderField[]
  /**
   * Resolves when the outcome is stored; never rejects. `false` when the handler outlived its lease and the payment was
   * redeemed by another request meanwhile: withhold the answer where that is still possible.
   */
  readonly recorded: Promise<boolean>
}

/** What a paid handler receives. */
export interface Grant {
  readonly payment: GrantedPayment
  readonly wallet: GrantedWallet
}

/** The payment that let the request in. */
export interface GrantedPayment {
  readonly paymentId: string
  readonly protocol: ProtocolName
  /** The protocol's name for the way of paying: `exact`, `tempo`, `evm`, `stub`. */
  readonly method: string
  readonly network: ChainId
  /** US dollars as a decimal string. */
  readonly amount: string
  readonly payer: Address
  /** `null` for a zero price, which a signature alone pays. */
  readonly txHash: string | null
  /** Whether this request redeems a payment whose first answer failed; nothing was charged now. */
  readonly redeemed: boolean
}

/** The seller's wallet that was paid. */
export interface GrantedWallet {
  readonly id: string
  readonly address: Address
  readonly chain: ChainId
}

/** Makes the {@link Next} of a paid request. */
export function createNext(
  { held, redeemed }: Paid,
  protocol: Protocol,
  { request }: ChargedRequest,
  settings: Settings,
): Next {
  const { ledger, problemBase, cors, onError } = settings
  let ended = false

  /** Stores the outcome. A failing store must not cost the payer the answer: the lease returns it to owed. */
  async function record(isDelivered: boolean): Promise<boolean> {
    try {
      return (await (isDelivered ? ledger.deliver(held) : ledger.owe(held))) !== null
    } catch (error) {
      onError(error)
      return true
    }
  }

  function end(): void {
    if (ended) throw new CofferError('invalid-state', 'this request was concluded already')
    ended = true
  }

  function conclude(status: number, headers: Pick<Headers, 'get'>): Conclusion {
    end()
    const isDelivered = status < 400
    const fields = isDelivered ? protocol.receipt(held.payment, status) : []
    const shared = crossOriginFields(request.headers, cors).flatMap((field) => keepHandlers(field, headers))
    return {
      set: [...fields, ...shared, ['cache-control', privately(headers.get('cache-control'))]],
      recorded: record(isDelivered),
    }
  }

  return {
    grant: grantOf(held.payment, redeemed),
    request,
    conclude,
    async finish(response) {
      const { set, recorded } = conclude(response.status, response.headers)
      if (!(await recorded)) {
        await response.body?.cancel()
        return problemResponse(LEASE_LOST, problemBase)
      }
      const answer = new Response(response.body, response)
      for (const [name, value] of set) answer.headers.set(name, value)
      return answer
    },
    async abandon() {
      end()
      await record(false)
    },
  }
}

function grantOf(payment: Payment, redeemed: boolean): Grant {
  const { id, protocol, method, network, payer, transaction, wallet, recipient } = payment
  const amount = formatAmount(BigInt(payment.amount), payment.decimals)
  return {
    payment: { paymentId: id, protocol, method, network, amount, payer, txHash: transaction, redeemed },
    wallet: { id: wallet, address: recipient, chain: network },
  }
}

const LEASE_LOST = refuse(
  'payment-in-flight',
  'The handler outlived its lease, and another request redeems this payment.',
  { retryAfter: 1 },
)

/** The handler's own CORS decision stands; `Vary` is added to. */
function keepHandlers([name, value]: HeaderField, headers: Pick<Headers, 'get'>): readonly HeaderField[] {
  const own = headers.get(name)
  if (own === null) return [[name, value]]
  return name === 'access-control-allow-origin' ? [] : [[name, `${own}, ${value}`]]
}

/** What was paid for is for the payer: no shared cache may keep it (RFC 9111 section 5.2.2.7). */
function privately(cacheControl: string | null): string {
  return cacheControl !== null && /\b(?:private|no-store)\b/i.test(cacheControl) ? cacheControl : 'private'
}
