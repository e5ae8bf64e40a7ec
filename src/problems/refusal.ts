import type { Reason } from './catalog.ts'

/** An expected failure, as a value. `problemAnswer` turns it into what the client sees. */
export interface Refusal {
  readonly kind: 'refusal'
  /** Which failure; decides status, title and whether a fresh challenge goes with it. */
  readonly reason: Reason
  /** One sentence for the client. Never holds a credential, a token or a secret. */
  readonly detail: string
  /** What would have been right, when there is a short way to say it. */
  readonly expected?: string
  /** What came instead. */
  readonly got?: string
  /** Seconds after which the same request is worth sending again. */
  readonly retryAfter?: number
  /** Machine-readable cause in the protocol's own words, such as `invalid_exact_evm_payload_signature`. */
  readonly cause?: string
  /** Header fields that go with it, such as the `Allow` of a 405. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Builds a {@link Refusal}. */
export function refuse(
  reason: Reason,
  detail: string,
  more: Omit<Refusal, 'kind' | 'reason' | 'detail'> = {},
): Refusal {
  return { kind: 'refusal', reason, detail, ...more }
}

/** Tells a refusal from whatever else a function may return. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'refusal'
}
