import { within } from '../lib/deadline.ts'
import { createEventStreamParser, type ReadEvent } from '../lib/sse.ts'
import { CofferError } from '../problems/error.ts'

/** One connection to an event stream. It is lost when it fails, and when nothing comes for half a minute. */
export interface EventConnection {
  /** Sends the request; `null` when no answer comes. */
  open(request: Request): Promise<Response | null>
  /**
   * The events of an answer, until it ends or is lost.
   *
   * @throws CofferError `invalid-events` when one is too long.
   */
  read(answer: Response): AsyncGenerator<ReadEvent, void, undefined>
  /** Milliseconds to wait before the next connection, as the stream said last; `null` while it said nothing. */
  readonly retryMs: number | null
  close(): void
}

/** Servers send something every eight seconds. */
const SILENCE_MS = 30_000

/**
 * Makes a connection, which is to be closed in the end.
 *
 * @param signal - Closes it too.
 */
export function createEventConnection(
  send: (request: Request) => Promise<Response>,
  signal: AbortSignal | undefined,
): EventConnection {
  const abort = new AbortController()
  /** Kept: on Node a request follows its signal only for as long as somebody has it. */
  let sent: Request
  const parser = createEventStreamParser()
  const close = (): void => {
    signal?.removeEventListener('abort', close)
    abort.abort()
  }
  signal?.addEventListener('abort', close)

  const orLost = <Value>(work: Promise<Value>): Promise<Value | null> =>
    within(SILENCE_MS, work).catch(() => null)

  return {
    open(request) {
      sent = new Request(request, { signal: abort.signal })
      return orLost(send(sent))
    },

    async *read({ body }) {
      const reader = body?.getReader()
      for (;;) {
        const piece = reader && (await orLost(reader.read()))
        if (!piece || piece.done) return
        const events = parser.push(piece.value)
        if (events === null)
          throw new CofferError('invalid-events', 'the server sent an event that is too long')
        yield* events
      }
    },

    get retryMs() {
      return parser.retryMs
    },

    close,
  }
}
