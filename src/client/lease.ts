import type { Attempt } from './attempt.ts'
import type { Engine } from './engine.ts'
import { LEASE_MS } from './journal.ts'

/**
 * Works on an attempt, and shows that somebody does: neither another call of this client nor another process is to take it
 * for left behind. What fails to renew the lease is passed over: two who send the same credential still pay once.
 */
export async function withLease<Result>(
  attempt: Attempt,
  engine: Engine,
  work: () => Promise<Result>,
): Promise<Result> {
  const renew = (): void => void engine.change(attempt, (current) => leased(current, engine)).catch(() => {})
  const timer = setInterval(renew, LEASE_MS / 3)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await engine.change(attempt, (current) =>
      current.lease === null ? current : { ...current, lease: null },
    )
  }
}

/** An attempt that this client works on, from now. */
export function leased(attempt: Attempt, { owner, clock }: Engine): Attempt {
  return { ...attempt, lease: { owner, until: clock() + LEASE_MS } }
}

/** Who works on an attempt now. */
export function workerOf({ lease }: Attempt, { owner, clock }: Engine): 'nobody' | 'this client' | 'another' {
  if (lease === null || lease.until <= clock()) return 'nobody'
  return lease.owner === owner ? 'this client' : 'another'
}
