import type { Clock } from '../lib/clock.ts'

/** Limits how many challenges a client gets, in this process. Clients that pay are exempt. */
export interface Limiter {
  /** Counts one challenge. Returns 0 when it may be given, else the seconds until the next may. */
  take(client: string): number
  /** The client has paid: it is not limited for one window from now. */
  exempt(client: string): void
}

/** How many challenges in how long. */
export interface ChallengeLimit {
  /** Challenges per client and window. Default 20. */
  readonly max?: number
  /** Seconds. Default 60. */
  readonly window?: number
}

/** Clients remembered at once; beyond it the one seen longest ago is forgotten. */
const MAX_CLIENTS = 10_000

interface Seen {
  readonly windowEnds: number
  readonly count: number
}

/** Counts in fixed windows that begin with a client's first challenge. */
export function createLimiter({ max = 20, window = 60 }: ChallengeLimit, clock: Clock): Limiter {
  const seen = new Map<string, Seen>()

  /** Writes at the end of the map, so that its order is the order of use. */
  function remember(client: string, entry: Seen): void {
    seen.delete(client)
    seen.set(client, entry)
    if (seen.size <= MAX_CLIENTS) return
    const oldest = seen.keys().next()
    if (!oldest.done) seen.delete(oldest.value)
  }

  return {
    take(client) {
      const now = clock()
      const entry = seen.get(client)
      if (entry === undefined || entry.windowEnds <= now) {
        remember(client, { windowEnds: now + window * 1000, count: 1 })
        return 0
      }
      if (entry.count >= max) return Math.ceil((entry.windowEnds - now) / 1000)
      remember(client, { ...entry, count: entry.count + 1 })
      return 0
    },
    exempt: (client) =>
      remember(client, { windowEnds: clock() + window * 1000, count: Number.NEGATIVE_INFINITY }),
  }
}
