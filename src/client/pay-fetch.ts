import type { Unpaid } from '../protocols/payer.ts'
import type { AttemptFilter, Spending, SpendingOf } from './accounts.ts'
import type { AttemptInfo } from './attempt.ts'
import { deliver } from './deliver.ts'
import { createEngine, type Engine, type PayFetchOptions } from './engine.ts'
import { withLease } from './lease.ts'
import { type LimitOption, readLimit } from './limit.ts'
import { createOutgoing, type Outgoing } from './outgoing.ts'
import { discard, peekJson } from './peek.ts'
import { type Order, purchase, sign } from './purchase.ts'
import { renew } from './renewal.ts'
import { fetchWithSession } from './session-fetch.ts'
import { readSessionTerms, type SessionTerms } from './session-terms.ts'
import type { SessionInfo } from './sessions.ts'

/** What a call may say besides what `fetch` knows. */
export interface PayInit extends RequestInit {
  /** Whether a 402 may be paid. Otherwise it is returned. Default true. */
  readonly pay?: boolean
  /** Most that this request may cost, beside the budget. */
  readonly max?: LimitOption
  /**
   * Id of the session to use; `false` for none; terms to open one with this request's payment, whatever covers the URL.
   * Default: one that covers it.
   */
  readonly session?: string | false | SessionTerms
}

/**
 * A `fetch` that pays. What it throws besides what `fetch` throws: PaymentError `payment-refused` (nothing was signed),
 * `payment-rejected`, `payment-unresolved`, `answer-lost` (these name their attempt); CofferError `signing-failed`,
 * `store-failed`, `invalid-option`.
 */
export interface PayFetch {
  (input: RequestInfo | URL, init?: PayInit): Promise<Response>
  /** Attempts to pay, newest first. */
  attempts(filter?: AttemptFilter): Promise<readonly AttemptInfo[]>
  /**
   * Sends the credential of an attempt again, and returns the answer. Nobody else must be working on it.
   *
   * @param init - Fields of the request that the journal does not keep, which are all but `Accept` and `Content-Type`; and
   * its body, when it was longer than 64 KiB.
   * @returns `null` when no money moved for it, and none will.
   * @throws PaymentError when it still has no answer. CofferError `invalid-option` for an unknown attempt, or another body.
   */
  resume(id: string, init?: Pick<RequestInit, 'headers' | 'body' | 'signal'>): Promise<Response | null>
  /** Gives an attempt up: it counts as spent, and is not sent again. The request may then be paid anew. */
  abandon(id: string): Promise<AttemptInfo>
  /** What was paid: ever, today, in this session of the budget, or to a host such as `api.example.com`. */
  spending(of?: SpendingOf): Promise<Spending>
  /** Sessions that servers have opened. */
  readonly sessions: {
    /** Field in which servers name a session: whoever has what stands in it can use what was paid for. */
    readonly header: string
    list(): Promise<readonly SessionInfo[]>
    /**
     * Uses a session no more.
     *
     * @param api - Base URL of the server's API, where it is revoked too (`DELETE /sessions/:id`).
     * @returns Whether the server has revoked it, or it is only forgotten here; `null` when there is none.
     */
    end(id: string, api?: string | URL): Promise<'revoked' | 'forgotten' | null>
  }
}

/**
 * Makes a `fetch` that answers 402: it pays with x402 (versions 2 and 1) and MPP, within a budget, and never twice for one
 * request. A payment is written down before it is signed; when its answer does not come, the same credential is sent again,
 * also by the next process. An answer has come when its head has: where a body breaks off afterwards, `resume(id)` asks for it
 * again, while the next call is another request.
 *
 * ```ts
 * const pay = payFetch({ wallet: privateKeyToAccount(key), budget: { payment: '0.10', day: '5' }, store: sqlite('agent.db') })
 * const response = await pay('https://api.example.com/report')
 * ```
 *
 * @throws CofferError `invalid-option`.
 */
export function payFetch(options: PayFetchOptions): PayFetch {
  const engine = createEngine(options)

  const fetch = async (input: RequestInfo | URL, init: PayInit = {}): Promise<Response> => {
    const { pay = true, max, session, ...plain } = init
    const limit = max === undefined ? null : readLimit(max, 'max', engine.policy.assets)
    const terms = typeof session === 'object' ? readSessionTerms(session) : null
    const outgoing = await createOutgoing(input, plain, engine)
    outgoing.signal.throwIfAborted()
    // Who brings a payment along wants no other.
    if (isPaid(outgoing)) return outgoing.sendWith([])
    if (pay) {
      const redeemed = await redeemEarlier(outgoing, engine)
      if (redeemed !== null) return redeemed
    }
    const answer = await fetchWithSession(outgoing, typeof session === 'object' ? false : session, engine)
    if (answer.status !== 402 || !pay) return answer
    const payIt = (unpaid: Response) => payFor(unpaid, { outgoing, max: limit, session: terms }, engine)
    const renewed = session === false || terms !== null ? null : await engine.sessions.lastOf(outgoing.url)
    if (renewed === null) return payIt(answer)
    return renew(renewed, answer, outgoing, engine, payIt)
  }

  return Object.assign(fetch, {
    attempts: async (filter: AttemptFilter = {}) => (await accounts()).listAttempts(filter, engine),
    resume: async (id: string, init = {}) => (await import('./redeem.ts')).resume(id, init, engine),
    abandon: async (id: string) => (await accounts()).abandon(id, engine),
    spending: async (of: SpendingOf = 'total') => (await accounts()).spending(of, engine),
    sessions: {
      header: engine.sessions.header,
      list: () => engine.sessions.list(),
      end: async (id: string, api?: string | URL) => (await accounts()).endSession(id, api, engine),
    },
  })
}

/** Loaded when somebody asks: most clients pay and nothing else. */
const accounts = () => import('./accounts.ts')

/** The answer to a request that was paid for earlier and never answered; `null` when there is no such payment. */
async function redeemEarlier(outgoing: Outgoing, engine: Engine): Promise<Response | null> {
  const open = await engine.journal.openOf(outgoing.fingerprint)
  if (open.length === 0) return null
  const { redeemOpen } = await import('./redeem.ts')
  return redeemOpen(open, outgoing, engine)
}

/** Pays what a 402 asks, once, and fetches the answer. The 402 itself, when it asks in words that nobody here knows. */
async function payFor(
  answer: Response,
  order: Pick<Order, 'outgoing' | 'max' | 'session'>,
  engine: Engine,
): Promise<Response> {
  const { outgoing } = order
  const url = answer.redirected ? new URL(answer.url) : outgoing.url
  const unpaid: Unpaid = { headers: answer.headers, body: await peekJson(answer) }
  const bought = await purchase({ ...order, url, unpaid }, engine).catch((error: unknown) => {
    discard(answer)
    throw error
  })
  if (bought === null) return answer
  discard(answer)
  return withLease(bought.attempt, engine, async () =>
    deliver(await sign(bought, outgoing.signal, engine), outgoing, engine),
  )
}

/** Whether the caller pays by itself. */
function isPaid({ headers }: Outgoing): boolean {
  const authorization = headers.get('authorization') ?? ''
  return headers.has('payment-signature') || headers.has('x-payment') || /^payment /i.test(authorization)
}
