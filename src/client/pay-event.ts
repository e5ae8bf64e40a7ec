import type { AttemptInfo } from './attempt.ts'
import type { PaidAnswer } from './paid-answer.ts'
import type { OfferRefusal } from './payment-error.ts'
import type { SessionInfo } from './sessions.ts'

/** What happens while a client pays, for who wants to follow it. */
export type PayEvent =
  /** Nothing of what a server asks is paid. */
  | { readonly type: 'refused'; readonly url: string; readonly refusals: readonly OfferRefusal[] }
  /** The price is held back, and the wallet is asked to sign. */
  | { readonly type: 'reserved'; readonly attempt: AttemptInfo }
  /** It is signed, and is being sent. */
  | { readonly type: 'sent'; readonly attempt: AttemptInfo }
  /** An attempt of earlier is taken up again. */
  | { readonly type: 'resumed'; readonly attempt: AttemptInfo }
  /** The same credential will be sent again. */
  | {
      readonly type: 'retrying'
      readonly attempt: AttemptInfo
      readonly waitMs: number
      /** One sentence. */
      readonly why: string
    }
  /** The answer has come. */
  | { readonly type: 'paid'; readonly payment: PaidAnswer }
  /** A server opened a session. */
  | { readonly type: 'session-opened'; readonly session: SessionInfo }
  /** What became of an attempt could not be written down; its answer is handed out all the same. */
  | { readonly type: 'journal-failed'; readonly attempt: AttemptInfo; readonly error: unknown }
