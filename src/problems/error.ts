import type { Refusal } from './refusal.ts'

/** What callers switch on when Coffer throws. */
export type CofferErrorCode =
  /** An option is missing, unknown, out of range or contradicts another. */
  | 'invalid-option'
  /** A store could not do what its interface promises. */
  | 'store-failed'
  /** The order of the calls was wrong, such as a second answer to one request. */
  | 'invalid-state'
  /** A package that this feature needs is not installed. */
  | 'missing-package'
  /** A webhook is not authentic, not of this time, or not an event. */
  | 'invalid-webhook'
  /** A signed manifest is not authentic, or not a manifest. */
  | 'invalid-manifest'
  /** What a server answers is not what was asked for. */
  | 'invalid-answer'
  /** What a server sends is not the events of a vault. */
  | 'invalid-events'
  /** What was asked for is refused; {@link CofferError.refusal} says why. */
  | 'refused'
  /** A key file cannot be used: it is none, others may read it, or its passphrase is another. */
  | 'invalid-key-file'
  /** A wallet did not sign. */
  | 'signing-failed'
  /** A client will not pay what a server asks: nothing was signed. */
  | 'payment-refused'
  /** A server did not take a payment, which may still move its money until it expires. */
  | 'payment-rejected'
  /** A payment is under way, and its money may have moved: the same payment is to be resumed, and none other made. */
  | 'payment-unresolved'
  /** A payment was made, and its answer cannot be had. */
  | 'answer-lost'

/** The one class that Coffer throws: mistakes of the programmer, failures of the infrastructure. */
export class CofferError extends Error {
  override readonly name = 'CofferError'
  readonly code: CofferErrorCode
  /** Why, when the code is `refused`; else `null`. */
  readonly refusal: Refusal | null
  /** HTTP status to answer with when nobody catches it: that of the refusal, else 500. Express goes by it. */
  readonly status: number

  constructor(
    code: CofferErrorCode,
    message: string,
    options?: { cause?: unknown; refusal?: Refusal; status?: number },
  ) {
    super(message, options)
    this.code = code
    this.refusal = options?.refusal ?? null
    this.status = options?.status ?? 500
  }
}

/** Throws the error for a bad option, in one form everywhere: which option, what was expected, what came. */
export function invalidOption(option: string, expected: string, got?: unknown): never {
  const came = got === undefined ? '' : `, got ${show(got)}`
  throw new CofferError('invalid-option', `${option}: expected ${expected}${came}`)
}

/** Objects by their kind only: they may hold secrets, and some refuse to be text. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
