/** Something that a doctor has looked at. */
export interface Finding {
  /** What was looked at: `synchronous_commit`. */
  readonly what: string
  /** How it is. */
  readonly found: string
  /** `fail`: payments can be lost or taken twice. `warn`: they can, in a way that some accept. */
  readonly verdict: 'ok' | 'warn' | 'fail'
  /** What to do about it; `null` when all is well. */
  readonly advice: string | null
}

/** A finding: all is well, or else somebody is advised. */
export function judge(
  what: string,
  found: string,
  isWell: boolean,
  otherwise: 'warn' | 'fail',
  advice: string,
): Finding {
  return isWell ? { what, found, verdict: 'ok', advice: null } : { what, found, verdict: otherwise, advice }
}
