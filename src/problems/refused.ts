import { catalog } from './catalog.ts'
import { CofferError } from './error.ts'
import { isRefusal, type Refusal } from './refusal.ts'

/** A refusal, for those who want it thrown: an error `refused`, with the status of its reason. */
export function refusedError(refusal: Refusal, options: { cause?: unknown } = {}): CofferError {
  const { status } = catalog[refusal.reason]
  return new CofferError('refused', refusal.detail, { ...options, refusal, status })
}

/**
 * For calls whose caller wants exceptions: what is not a refusal.
 *
 * @throws CofferError `refused` for a refusal.
 */
export function granted<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw refusedError(value)
  return value
}
