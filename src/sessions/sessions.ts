import type { SessionFacts } from '../hooks/events.ts'
import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import { createTurns } from '../lib/turns.ts'
import { formatAmount } from '../payments/amount.ts'
import type { Payment } from '../payments/payment.ts'
import type { SessionTerms } from '../payments/session-terms.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import type { Entry, Store, Write } from '../stores/store.ts'
import type { Session, SessionUse } from './session.ts'
import { hashSessionId, isSessionId, notCovered, sessionIdOf, useSession } from './terms.ts'
import { readSessionToken, type SessionToken } from './token.ts'

/** Sessions, kept in a store. */
export interface Sessions {
  /** The hash, for the {@link SessionTerms}, of the id that a payment opens a session under. */
  hashFor(paymentId: string): string
  /** The id of the session that a payment opened, also after the secret was rotated; `null` when it opened none. */
  idOf(payment: Pick<Payment, 'id' | 'session'>): string | null
  /** The writes that open the session of a payment, for the commit that it follows from. */
  openWrites(payment: Payment): readonly Write[]
  /** The writes by which a session can be found by its payment's transaction; among {@link openWrites} when it is known. */
  indexWrites(payment: Payment): readonly Write[]
  /** The writes that take it back, for a payment that was answered before it settled and then failed. */
  closeWrites(payment: Payment): readonly Write[]
  /** Lets a request in. With an id: one read, and one write only when requests are counted. */
  use(proof: SessionProof, use: SessionUse): Promise<Session | Refusal>
  /** A live session; `null` when it is unknown, expired or revoked. */
  get(id: string): Promise<Session | null>
  /** Ends a session now. `false` when there was none. */
  revoke(id: string): Promise<boolean>
}

/** What a request shows for its session: one of the two, or both. */
export interface SessionProof {
  readonly id: string | null
  /** A client-signed token (`X-Session-Token`), as sent. */
  readonly token: string | null
}

/** What {@link createSessions} stands on. */
export interface SessionsOptions {
  readonly store: Store
  readonly clock: Clock
  /** The first makes ids, all recognise them. */
  readonly secrets: readonly Uint8Array[]
  readonly notifier: Notifier
}

/** How often a counted session is tried when other processes count requests of it in the same moment. */
const TRIES = 20

const UNKNOWN = notCovered('It is unknown, expired or revoked.')

/** Opens the sessions of a store. */
export function createSessions({ store, clock, secrets, notifier }: SessionsOptions): Sessions {
  const [first = new Uint8Array()] = secrets
  const turns = createTurns()

  function find(id: string | null): Promise<Entry | null> {
    const isOne = id !== null && isSessionId(id)
    return isOne ? store.get(keys.session(hashSessionId(id))) : Promise.resolve(null)
  }

  /** By the transaction of its payment: what a token names is worth nothing but what our own record says of it. */
  async function findPaidBy(transaction: string): Promise<Entry | null> {
    const index = await store.get(keys.sessionOf(transaction))
    return index && store.get(keys.session(String(index.value['session'])))
  }

  async function use({ id, token }: SessionProof, use: SessionUse): Promise<Session | Refusal> {
    const signed = token === null ? null : await readSessionToken(token)
    if (token !== null && signed === null)
      return notCovered('Its token is not signed by the wallet it names.')
    const read = () => (id === null && signed !== null ? findPaidBy(signed.transaction) : find(id))
    const entry = await read()
    if (entry === null) return UNKNOWN
    const session = readSession(entry)
    const used = check(session, signed, use)
    if (isRefusal(used) || used === session) return used
    // Who lost every race would be told to pay again: in this process there are none.
    return turns(entry.key, () => count(entry, used))

    /** Writes down that the session was used; from a newer entry when others have used it meanwhile. */
    async function count(entry: Entry, used: Session): Promise<Session | Refusal> {
      let [current, counted] = [entry, used]
      for (let tries = 0; tries < TRIES; tries++) {
        if ((await store.commit([sessionWrite(counted, current)])) !== null) return counted
        const next = await read()
        if (next === null) return UNKNOWN
        const checked = check(readSession(next), signed, use)
        if (isRefusal(checked)) return checked
        current = next
        counted = checked
      }
      return notCovered('Too many requests use it in the same moment.')
    }
  }

  /** The session after this use; the same object when its requests are not counted. */
  function check(session: Session, signed: SessionToken | null, use: SessionUse): Session | Refusal {
    if (signed !== null && session.payment.payer !== signed.payer)
      return notCovered('Another wallet paid for it.')
    if (signed !== null && use.host !== null && signed.host !== use.host)
      return notCovered('Its token was signed for another server.')
    if (session.bindPayer && signed === null) return notCovered('It asks for a signed X-Session-Token.')
    return useSession(session, use, clock())
  }

  function indexWrites({ session, transaction }: Payment): readonly Write[] {
    if (session === null || transaction === null) return []
    const expiresAt = clock() + session.ttl * 1000
    return [{ key: keys.sessionOf(transaction), value: { session: session.hash }, expiresAt }]
  }

  function news(type: 'session.created' | 'session.revoked', session: Session): readonly Write[] {
    return notifier.afterCommit(type, () => sessionFacts(session))
  }

  return {
    hashFor: (paymentId) => hashSessionId(sessionIdOf(paymentId, first)),
    idOf({ id, session }) {
      const ids = session === null ? [] : secrets.map((secret) => sessionIdOf(id, secret))
      return ids.find((each) => hashSessionId(each) === session?.hash) ?? null
    },
    openWrites(payment) {
      const { session } = payment
      if (session === null) return []
      const made = opened(payment, session, clock())
      return [sessionWrite(made, null), ...indexWrites(payment), ...news('session.created', made)]
    },
    indexWrites,
    closeWrites(payment) {
      const { session } = payment
      if (session === null) return []
      const made = opened(payment, session, payment.claimedAt)
      return [{ key: keys.session(session.hash), value: null }, ...news('session.revoked', made)]
    },
    use,
    async get(id) {
      const entry = await find(id)
      return entry && readSession(entry)
    },
    async revoke(id) {
      for (let tries = 0; ; tries++) {
        const entry = await find(id)
        if (entry === null) return false
        // So that one of two who revoke it tells. A session that is in use all the time ends all the same.
        const condition = tries < TRIES && { if: { version: entry.version } }
        const row: Write = { key: entry.key, value: null, ...condition }
        if ((await store.commit([row, ...news('session.revoked', readSession(entry))])) !== null) return true
      }
    },
  }
}

/** The session of a payment, before its first request. */
function opened(payment: Payment, terms: SessionTerms, now: number): Session {
  const { id, protocol, method, network, payer, transaction, wallet, recipient } = payment
  return {
    ...terms,
    createdAt: now,
    expiresAt: now + terms.ttl * 1000,
    requests: 0,
    spent: '0',
    vault: payment.vault,
    payment: {
      paymentId: id,
      protocol,
      method,
      network,
      amount: formatAmount(BigInt(payment.amount), payment.decimals),
      payer,
      txHash: transaction,
      wallet,
      recipient,
    },
  }
}

function sessionFacts({ payment: { paymentId, payer, wallet }, expiresAt }: Session): SessionFacts {
  return { session: { paymentId, payer, wallet, expiresAt } }
}

function sessionWrite(session: Session, entry: Entry | null): Write {
  return {
    key: keys.session(session.hash),
    value: session as unknown as JsonObject,
    expiresAt: session.expiresAt,
    ...(entry && { if: { version: entry.version } }),
  }
}

/** A session is plain JSON already: what was written comes back. */
const readSession = (entry: Entry): Session => entry.value as unknown as Session
