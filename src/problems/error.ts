import { catalog } from './catalog.ts'
import { isRefusal, type Refusal } from './refusal.ts'

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
  /** What was asked for is refused; {@link CofferError.refusal} says why. */
  | 'refused'

/** The one class that Coffer throws: mistakes of the programmer, failures of the infrastructure. */
export class CofferError extends Error {
  override readonly name = 'CofferError'
  readonly code: CofferErrorCode
  /** Why, when the code is `refused`; else `null`. */
  readonly refusal: Refusal | null

  constructor(code: CofferErrorCode, message: string, options?: { cause?: unknown; refusal?: Refusal }) {
    super(message, options)
    this.code = code
    this.refusal = options?.refusal ?? null
  }

  /** HTTP status to answer with when nobody catches it: that of the refusal, else 500. Express goes by it. */
  get status(): number {
    return this.refusal ? catalog[this.refusal.reason].status : 500
  }
}

/**
 * For calls whose caller wants exceptions: what is not a refusal.
 *
 * @throws CofferError `refused` for a refusal.
 */
export function granted<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw new CofferError('refused', value.detail, { refusal: value })
  return value
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
