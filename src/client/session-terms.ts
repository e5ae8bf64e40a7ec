import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** What a session is opened for, when a payment is made to open one. What the server allows is its own to decide. */
export interface SessionTerms {
  /** For how long it is used, seconds, 60 to 2 592 000. */
  readonly ttl: number
  /** Where it is used. Default: the client's own `sessions.scope`. */
  readonly scope?: 'exact' | 'prefix' | 'origin'
  /** For people: what it is for, up to 100 characters. */
  readonly label?: string
}

/** @throws CofferError `invalid-option`. */
export function readSessionTerms(terms: SessionTerms): SessionTerms {
  refuseUnknownOptions(terms, ['ttl', 'scope', 'label'], 'session')
  const { ttl, scope = 'prefix', label = '' } = terms
  if (!Number.isInteger(ttl) || ttl < 60 || ttl > 2_592_000) {
    invalidOption('session.ttl', 'seconds, a whole number from 60 to 2592000', ttl)
  }
  if (!['exact', 'prefix', 'origin'].includes(scope)) {
    invalidOption('session.scope', "'exact', 'prefix' or 'origin'", scope)
  }
  if (typeof label !== 'string' || label.length > 100) {
    invalidOption('session.label', 'a text of at most 100 characters')
  }
  return terms
}
