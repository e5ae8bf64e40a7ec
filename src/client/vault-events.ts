import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { authorization, type VaultToken, vaultUrl } from './vault-access.ts'
import type { VaultEvent } from './vault-event.ts'
import { backoff, pause, retryAfter } from './waiting.ts'

/** Options of {@link vaultEvents}. */
export interface VaultEventsOptions {
  /** Access token of the vault; or a function that is asked for one, perhaps a new one, with every connection. */
  readonly token: VaultToken
  /** `evt_…` of the last event that was seen. Default: none, so that all come. */
  readonly after?: string
  /** Ends the loop, also while it waits. */
  readonly signal?: AbortSignal
  /** What sends the requests. Default: the runtime's `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** Until the server says how long to wait. */
const RETRY_MS = 2000
/** Time-out, Too Early, Too Many Requests: these may be otherwise the next time, as all of 5xx may. */
const PASSING = new Set([408, 425, 429])

/**
 * Follows a vault: its events from the first one on, or behind the one that `after` names, each once and in order, up to
 * `vault.sealed` or `vault.expired`. A connection that is lost is made anew, and goes on where it was, as often as it takes. Reads
 * on when the next event is asked for, so that a slow loop costs no memory. Runs wherever there is `fetch`.
 *
 * ```ts
 * const events = vaultEvents('https://api.example.com/vaults/vlt_…', { token })
 * for await (const { type, payload } of events) console.log(type, payload)
 * ```
 *
 * @param url - Of the vault.
 * @throws CofferError `refused` when the server says that there is no such vault, or that the token is none, or not any more;
 * `invalid-events` when it sends something else than events; `invalid-option`. Whatever `token` throws.
 */
export async function* vaultEvents(
  url: string | URL,
  options: VaultEventsOptions,
): AsyncGenerator<VaultEvent, void, undefined> {
  refuseUnknownOptions(options, ['token', 'after', 'signal', 'fetch'], 'vaultEvents')
  const target = vaultUrl(url, '/events')
  const { signal, fetch: send = globalThis.fetch } = options
  let { after } = options
  let retryMs = RETRY_MS
  let failures = 0
  const [{ createEventConnection }, { isLastEvent, vaultEventOf }] = await Promise.all([
    import('./event-connection.ts'),
    import('./vault-event.ts'),
  ])
  while (!signal?.aborted) {
    const headers = new Headers({
      accept: 'text/event-stream',
      authorization: await authorization(options.token),
    })
    if (after !== undefined) headers.set('last-event-id', after)
    // A redirect would take the token along.
    const connection = createEventConnection((request) => send(request), signal)
    let waitMs: number | null = null
    try {
      const answer = await connection.open(new Request(target, { headers, redirect: 'manual' }))
      if (answer?.status === 204) return
      if (answer === null || answer.status >= 500 || PASSING.has(answer.status)) {
        failures++
        waitMs = retryAfter(answer)
      } else {
        await check(answer)
        failures = 0
        for await (const read of connection.read(answer)) {
          const event = vaultEventOf(read)
          after = event.eventId
          yield event
          if (isLastEvent(event) || signal?.aborted) return
        }
        retryMs = connection.retryMs ?? retryMs
      }
    } finally {
      connection.close()
    }
    await pause(waitMs ?? backoff(retryMs, failures), signal)
  }
}

/** @throws CofferError for an answer that is no event stream. */
async function check(answer: Response): Promise<void> {
  if (answer.status >= 400) {
    const { refusedBy } = await import('./refused-answer.ts')
    throw await refusedBy(answer)
  }
  const type = answer.headers.get('content-type') ?? ''
  if (answer.status !== 200 || !/^text\/event-stream\s*(?:;|$)/i.test(type)) {
    throw new CofferError('invalid-events', `the server answered ${answer.status} without an event stream`)
  }
}
