import { decodeBase64 } from '../lib/base64.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { type Attempt, attemptInfo, isOpenState } from './attempt.ts'
import { deliver } from './deliver.ts'
import type { Engine } from './engine.ts'
import { leased, withLease, workerOf } from './lease.ts'
import { createOutgoing, type Outgoing } from './outgoing.ts'
import { PaymentError, unresolved } from './payment-error.ts'
import { pause } from './waiting.ts'

/** How often somebody else's attempt is looked at. */
const LOOK_MS = 500

/**
 * The answer to a request that one of these attempts has paid for; `null` when it has turned out that no money moved.
 *
 * @throws PaymentError when the payment is still open, or its answer is gone.
 */
export async function redeemOpen(
  attempts: readonly Attempt[],
  outgoing: Outgoing,
  engine: Engine,
): Promise<Response | null> {
  for (const attempt of attempts) {
    // Another call of this client is about it: the same request, made twice, is two requests.
    if (workerOf(attempt, engine) === 'this client') continue
    const free = await waitForLease(attempt, outgoing, engine)
    const answer = free && (await redeem(free, outgoing, engine))
    if (answer !== null) return answer
  }
  return null
}

/** Sends the credential of an attempt again. `null` when no money moved for it. */
export function redeem(attempt: Attempt, outgoing: Outgoing, engine: Engine): Promise<Response | null> {
  return withLease(attempt, engine, async () => {
    // It is written down before it is sent: what is not written down, nobody has seen. Who stood still for longer than its lease
    // may be about to write it, so that this is decided where it is written.
    const note = 'It was never signed.'
    const taken = await engine.change(attempt, (current) =>
      current.credential === null ? { ...current, state: 'failed', note } : leased(current, engine),
    )
    if (taken.credential === null) return null
    engine.emit({ type: 'resumed', attempt: attemptInfo(taken) })
    try {
      return await deliver(taken, outgoing, engine)
    } catch (error) {
      const now = error instanceof PaymentError ? await engine.journal.get(attempt.id) : null
      if (now?.state === 'failed') return null
      throw error
    }
  })
}

/** Waits until nobody works on an attempt; `null` when it came to its end meanwhile. */
async function waitForLease(attempt: Attempt, { signal }: Outgoing, engine: Engine): Promise<Attempt | null> {
  const deadline = Date.now() + engine.patienceMs
  for (let current: Attempt | null = attempt; ; ) {
    if (current === null || !isOpenState(current.state)) return null
    if (workerOf(current, engine) !== 'another') return current
    if (signal.aborted || Date.now() > deadline) throw unresolved(current.id, 'Another process works on it.')
    await pause(LOOK_MS, signal)
    current = await engine.journal.get(attempt.id)
  }
}

/**
 * Takes an attempt up again, in whatever state it is, with the request that it paid for.
 *
 * @throws CofferError `invalid-option` for an unknown attempt, or for a request that it did not pay for.
 */
export async function resume(
  id: string,
  init: Pick<RequestInit, 'headers' | 'body' | 'signal'>,
  engine: Engine,
): Promise<Response | null> {
  const attempt = await engine.journal.get(id)
  if (attempt === null) return invalidOption('resume.id', 'the id of an attempt that is in the journal')
  if (workerOf(attempt, engine) === 'this client')
    throw new CofferError('invalid-state', `the attempt ${id} is being worked on`)
  if (attempt.state === 'failed') return null
  const outgoing = await outgoingOf(attempt, init, engine)
  return redeem(attempt, outgoing, engine)
}

/** The request of an attempt, with the fields that the journal does not keep. */
async function outgoingOf(
  { request }: Attempt,
  init: Pick<RequestInit, 'headers' | 'body' | 'signal'>,
  engine: Engine,
): Promise<Outgoing> {
  const { method, url, contentType, accept, body, size, fingerprint } = request
  const headers = new Headers(init.headers)
  if (contentType !== null && !headers.has('content-type')) headers.set('content-type', contentType)
  if (accept !== null && !headers.has('accept')) headers.set('accept', accept)
  const kept = body === null ? null : decodeBase64(body)
  const sent = init.body ?? kept
  if (sent === null && size > 0) invalidOption('resume.body', `the body of the request, ${size} bytes`)
  const { signal } = init
  const again = { ...(signal && { signal }), ...(sent !== null && { body: sent, duplex: 'half' }) }
  const outgoing = await createOutgoing(url, { method, headers, ...again }, engine)
  if (outgoing.fingerprint !== fingerprint) invalidOption('resume.body', 'the same body as was paid for')
  return outgoing
}
