import type { Engine } from './engine.ts'
import type { Outgoing } from './outgoing.ts'
import { paymentOf } from './paid-answer.ts'
import { discard } from './peek.ts'
import { fetchWithSession } from './session-fetch.ts'

/** What came of a payment that others wait for. */
export interface Renewal {
  /** Path that was paid for. */
  readonly path: string
  /** A session was opened; there is none for this path; or it came to nothing. */
  readonly end: 'opened' | 'none' | 'failed'
}

/** New sessions that are tried before a request is paid, whatever others do. */
const MAX_TRIES = 3

/**
 * Pays in the place of a session that is good no more. Requests that meet its end at once do not each pay for a new one: they
 * wait for the payment of the first, and go on in the session that comes of it.
 *
 * @param session - Id of the session that was good for the request.
 * @param pay - Pays what a 402 asks.
 */
export async function renew(
  session: string,
  answer: Response,
  outgoing: Outgoing,
  engine: Engine,
  pay: (unpaid: Response) => Promise<Response>,
): Promise<Response> {
  const { renewals, sessions } = engine
  const { url, signal } = outgoing
  let unpaid = answer
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const underWay = renewals.get(session)
    if (underWay !== undefined) {
      const { path, end } = await orAborted(underWay, signal)
      if (end === 'none' && path === url.pathname) break
    }
    // One may have been opened since this request was sent.
    if ((await sessions.find(url)).length > 0) {
      discard(unpaid)
      unpaid = await fetchWithSession(outgoing, undefined, engine)
      if (unpaid.status !== 402) return unpaid
    }
    if (renewals.has(session)) continue
    const paying = pay(unpaid)
    renewals.set(
      session,
      paying.then(endOf, () => 'failed' as const).then((end) => ({ path: url.pathname, end })),
    )
    try {
      return await paying
    } finally {
      renewals.delete(session)
    }
  }
  return pay(unpaid)
}

function endOf(answer: Response): Renewal['end'] {
  const paid = paymentOf(answer)
  if (paid?.session) return 'opened'
  return paid?.attempt.isOpen ? 'failed' : 'none'
}

/** What a promise resolves to. Rejects with the signal. */
async function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
