/**
 * What a payment says of the session that it opens. Decided when the proof is claimed and kept with the payment, so that
 * whoever settles it, even another process after a crash, opens the same session.
 */
export interface SessionTerms {
  /** SHA-256 of the session id: the id itself is the payer's. */
  readonly hash: string
  /** Seconds from the settlement on. */
  readonly ttl: number
  /** Name of what it covers: routes of the same scope. */
  readonly scope: string
  /** Dearest price that it covers: the one that opened it, in US dollars. */
  readonly ceiling: string
  /** Requests that it lets in; `null` for any number. */
  readonly maxRequests: number | null
  /** US dollars that its requests may be worth together; `null` for any sum. */
  readonly budget: string | null
  /** Whether a request must also prove that the payer makes it, with a signed session token. */
  readonly bindPayer: boolean
}
