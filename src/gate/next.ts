import type { Address } from '../payments/address.ts'
import { formatAmount } from '../payments/amount.ts'
import type { ChainId } from '../payments/chain.ts'
import type { Payment, ProtocolName } from '../payments/payment.ts'
import { CofferError } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { HeaderField, Protocol } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { vaultIdOf } from '../vaults/new-vault.ts'
import type { Vault } from '../vaults/vault-handle.ts'
import { bufferBody, observeBody } from './answer-body.ts'
import { answerFields, replaceFields, withFields } from './answer-fields.ts'
import { createRecorder, type Recorder } from './journal.ts'
import type { Settings } from './settings.ts'
import type { Paid } from './settle.ts'

/** "Run the handler": what {@link handle} returns when the request is paid for. Exactly one ending must be called. */
export interface Next {
  readonly grant: Grant
  /** What the handler reads: the request itself, or a copy when its body had to be read. */
  readonly request: Request
  /**
   * Whether the answer is held back until the money moved (`settle: 'after'`): then only {@link finish} will do, with an
   * answer that ends.
   */
  readonly isHeldBack: boolean
  /**
   * Whether the answer is kept for an idempotency key: then a handler that still works when the payer goes away is worth
   * waiting for, since the payer will come back for its answer.
   */
  readonly isKept: boolean
  /**
   * Records how the handler answered and returns the response as the payer must see it.
   *
   * @throws CofferError `invalid-state` when the answer is held back and is a stream, or too large to hold.
   */
  finish(response: Response): Promise<Response>
  /** {@link finish} for servers that write their own head: called when status and headers are final, but not yet sent. */
  conclude(status: number, headers: Pick<Headers, 'get' | 'entries'>): Conclusion
  /** The handler threw, or nobody is there to read the answer: what was paid for stays owed. */
  abandon(): Promise<void>
}

/** What a server that writes its own head has to do. */
export interface Conclusion {
  /** Header fields to set, replacing any of the same name. */
  readonly set: readonly HeaderField[]
  /**
   * Where the bytes of the body go too, as they are written, when the answer is kept for an idempotency key; `null` when
   * it is not. Must be ended, also when the payer is gone: that is what it is kept for.
   */
  readonly body: AnswerSink | null
  /**
   * Resolves when the outcome is stored, which with a {@link body} waits for its end; never rejects. `false` when the
   * handler outlived its lease and the payment was redeemed by another request meanwhile: withhold the answer where that
   * is still possible.
   */
  readonly recorded: Promise<boolean>
}

/** Receives the body of an answer on its way. */
export interface AnswerSink {
  write(chunk: Uint8Array): void
  /** All of the body has been written. */
  end(): void
  /** The body broke off: what was paid for stays owed. */
  abort(): void
}

/** What a paid handler receives. */
export interface Grant {
  readonly payment: GrantedPayment
  readonly wallet: GrantedWallet
  /** The vault of the payment, which is that of its session too; `null` when the route has none. */
  readonly vault: Vault | null
  /** The session that the payment opened, or that let the request in; `null` when there is none. */
  readonly session: GrantedSession | null
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
  /** Id of its vault; `null` when it has none. */
  readonly vaultId: string | null
  /** Id of its session; `null` when it has none, or a signed token stood for it. */
  readonly sessionId: string | null
  /** Whether this request redeems a payment whose first answer failed; nothing was charged now. */
  readonly redeemed: boolean
}

/** A session of the payer. */
export interface GrantedSession {
  /** `null` when a signed token stood for it. */
  readonly id: string | null
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** The seller's wallet that was paid. */
export interface GrantedWallet {
  readonly id: string
  readonly address: Address
  readonly chain: ChainId
}

/** What {@link createNext} stands on. */
export interface NextOptions {
  readonly paid: Paid
  readonly protocol: Protocol
  readonly request: Request
  readonly settings: Settings
  /** Turns a refusal into the response to this request. */
  readonly deny: (refusal: Refusal) => Response
}

/** Makes the {@link Next} of a paid request. */
export function createNext({ paid, protocol, request, settings, deny }: NextOptions): Next {
  const { settleAfter, redeemed } = paid
  const { ledger, sessions, sessionHeader, onError, maxResultBytes } = settings
  const sessionId = sessions.idOf(paid.held.payment)
  let held = paid.held
  let hasEnded = false

  function end(): void {
    if (hasEnded) throw new CofferError('invalid-state', 'this request was concluded already')
    hasEnded = true
  }

  /** Stores the outcome. A failing store must not cost the payer the answer: the lease returns it to owed. */
  async function record(store: () => Promise<Held | null>): Promise<boolean> {
    try {
      return (await store()) !== null
    } catch (error) {
      onError(error)
      return true
    }
  }

  function fieldsFor(status: number, headers: Pick<Headers, 'get'>): readonly HeaderField[] {
    const receipts = status < 400 ? protocol.receipt(held.payment, status) : []
    return [...receipts, ...answerFields(request.headers, headers, settings)]
  }

  function conclude(status: number, headers: Pick<Headers, 'get' | 'entries'>): Conclusion {
    if (settleAfter !== null)
      throw new CofferError('invalid-state', 'an answer that is held back must be finished')
    end()
    const set = fieldsFor(status, headers)
    if (status >= 400) return { set, body: null, recorded: record(() => ledger.owe(held)) }
    const all = [...set, ...sessionFields()]
    if (held.payment.idempotency === null)
      return { set: all, body: null, recorded: record(() => ledger.deliver(held)) }
    return {
      set: all,
      ...keep(createRecorder(status, replaceFields(headers.entries(), set), maxResultBytes)),
    }
  }

  /** Never among what is kept: the store must not know the id. */
  function sessionFields(): readonly HeaderField[] {
    return sessionId === null ? [] : [[sessionHeader, sessionId]]
  }

  /** Delivered is what is kept: the two are stored together, when the last byte is known. */
  function keep(recorder: Recorder): Pick<Conclusion, 'body' | 'recorded'> {
    const outcome = Promise.withResolvers<boolean>()
    let isStored = false
    const store = (what: () => Promise<Held | null>): void => {
      if (!isStored) outcome.resolve(record(what))
      isStored = true
    }
    const body: AnswerSink = {
      write(chunk) {
        recorder.write(chunk)
        if (!recorder.isWhole) store(() => ledger.deliver(held, recorder.result()))
      },
      end: () => store(() => ledger.deliver(held, recorder.result())),
      abort: () => store(() => ledger.owe(held)),
    }
    return { body, recorded: outcome.promise }
  }

  async function finish(response: Response): Promise<Response> {
    if (settleAfter !== null) return finishHeldBack(response, settleAfter)
    const { set, body, recorded } = conclude(response.status, response.headers)
    if (body !== null && response.body !== null)
      return withFields(response, observeBody(response.body, body, recorded), set)
    body?.end()
    if (await recorded) return withFields(response, response.body, set)
    await response.body?.cancel()
    return deny(LEASE_LOST)
  }

  /** Work, then money: an answer of 400 or above is not charged, and no money means no answer. */
  async function finishHeldBack(
    response: Response,
    settle: () => Promise<Held | Refusal>,
  ): Promise<Response> {
    end()
    if (response.status >= 400) {
      await record(() => ledger.owe(held))
      return withFields(response, response.body, fieldsFor(response.status, response.headers))
    }
    const bytes = await bufferBody(response, maxResultBytes).catch(async (error: unknown) => {
      await record(() => ledger.owe(held))
      throw error
    })
    const settled = await settle()
    if (isRefusal(settled)) return deny(settled)
    held = settled
    const set = fieldsFor(response.status, response.headers)
    const recorder = createRecorder(
      response.status,
      replaceFields(response.headers.entries(), set),
      maxResultBytes,
    )
    if (bytes !== null) recorder.write(bytes)
    const result = held.payment.idempotency === null ? undefined : recorder.result()
    if (!(await record(() => ledger.deliver(held, result)))) return deny(LEASE_LOST)
    return withFields(response, bytes, [...set, ...sessionFields()])
  }

  return {
    grant: grantOf(held.payment, redeemed, sessionId, vaultOf(held.payment, settings)),
    request,
    isHeldBack: settleAfter !== null,
    isKept: held.payment.idempotency !== null,
    conclude,
    finish,
    async abandon() {
      end()
      await record(() => ledger.owe(held))
    },
  }
}

function vaultOf({ id, vault }: Payment, { vaults }: Settings): Vault | null {
  return vault && vaults ? vaults.open(vaultIdOf(id)) : null
}

function grantOf(payment: Payment, redeemed: boolean, sessionId: string | null, vault: Vault | null): Grant {
  const { session, id, protocol, method, network, payer, transaction, wallet, recipient } = payment
  const amount = formatAmount(BigInt(payment.amount), payment.decimals)
  return {
    payment: {
      paymentId: id,
      protocol,
      method,
      network,
      amount,
      payer,
      txHash: transaction,
      vaultId: vault?.id ?? null,
      sessionId,
      redeemed,
    },
    wallet: { id: wallet, address: recipient, chain: network },
    vault,
    session: session && {
      id: sessionId,
      expiresAt: (payment.settledAt ?? payment.claimedAt) + session.ttl * 1000,
    },
  }
}

const LEASE_LOST = refuse(
  'payment-in-flight',
  'The handler outlived its lease, and another request redeems this payment.',
  { retryAfter: 1 },
)
