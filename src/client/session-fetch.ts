import { invalidOption } from '../problems/error.ts'
import type { Engine } from './engine.ts'
import type { Outgoing } from './outgoing.ts'
import { discard, peekJson } from './peek.ts'
import type { UsableSession } from './sessions.ts'

/** How many sessions are tried for one request. */
const MAX_SESSIONS = 3

/**
 * Sends a request in a session that covers it, if there is one. A 402 comes back when no session does: it has the offers
 * that any other would have.
 *
 * @throws CofferError `invalid-option` for the id of a session that there is not.
 */
export async function fetchWithSession(
  outgoing: Outgoing,
  session: string | false | undefined,
  engine: Engine,
): Promise<Response> {
  const found = session === false ? [] : await engine.sessions.find(outgoing.url, session)
  if (session !== false && session !== undefined && found.length === 0) {
    invalidOption('session', `the id of a session of this client at ${outgoing.url.origin}`)
  }
  const answer =
    (await tryAll(found, outgoing.url, session === undefined, outgoing, engine)) ?? (await outgoing.send())
  const url = answer.redirected ? new URL(answer.url) : outgoing.url
  if (answer.status !== 402 || session !== undefined || !isSafe(outgoing)) return answer
  if (url.href === outgoing.url.href || url.origin !== outgoing.url.origin) return answer
  // Where it was led there may be sessions, too.
  const there = await tryAll(await engine.sessions.find(url), url, true, outgoing, engine)
  if (there === null || there.status === 402) return answer
  discard(answer)
  return there
}

/** The answer in one of some sessions, or the last 402; `null` when none can be tried. */
async function tryAll(
  found: readonly UsableSession[],
  url: URL,
  isForgotten: boolean,
  outgoing: Outgoing,
  engine: Engine,
): Promise<Response | null> {
  let last: Response | null = null
  for (const each of found.slice(0, MAX_SESSIONS)) {
    const answer = await tryIn(each, url, outgoing, engine)
    if (answer === null) continue
    if (answer.status !== 402 || answer.redirected) return answer
    // Who names a session knows where to use it.
    if (isForgotten) await each.refused(url)
    if (last !== null) discard(last)
    last = answer
  }
  return last
}

/** The answer in a session; `null` when it cannot be had so. */
async function tryIn(
  session: UsableSession,
  to: URL,
  outgoing: Outgoing,
  engine: Engine,
): Promise<Response | null> {
  const fields = await session.fields(engine.signer)
  if (fields === null) return null
  const answer = await outgoing.sendWith(fields, { to })
  if (isRedirect(answer)) return follow(answer, outgoing)
  if (answer.status !== 402) return answer
  const detail = String((await peekJson(answer))?.['detail'])
  const signed = detail.includes('X-Session-Token') ? await session.signedFields(engine.signer) : null
  if (signed === null) return answer
  discard(answer)
  return outgoing.sendWith(signed, { to })
}

/**
 * What shows a session is for this server only: a redirect is followed without it. Where that is asked for payment, the redirect
 * is the answer that the session was good for, as it is to a payment; and who has done something is not asked to do it again.
 */
async function follow(redirect: Response, outgoing: Outgoing): Promise<Response> {
  if (!isSafe(outgoing)) return redirect
  const answer = await outgoing.send()
  const isAsked = answer.status === 402 && !answer.redirected
  discard(isAsked ? answer : redirect)
  return isAsked ? redirect : answer
}

/** 0 is a redirect that a browser keeps to itself. */
const isRedirect = ({ status }: Response): boolean => [0, 301, 302, 303, 307, 308].includes(status)

/** Whether a request may be made twice. */
const isSafe = ({ method }: Outgoing): boolean => method === 'GET' || method === 'HEAD'
