import { utf8 } from '../lib/bytes.ts'
import { formatRetry, formatStreamEvent, HEARTBEAT } from '../lib/sse.ts'
import type { EventReader } from '../vaults/event-reader.ts'
import type { VaultEvent } from '../vaults/vault-event.ts'

/**
 * Writes what a reader gets as an event stream, and closes the reader in the end.
 *
 * A client is sent no more than it takes: a piece of about 64 KiB, and then nothing until that is gone. One that takes nothing for
 * half a minute is dropped; it can come back for the rest.
 *
 * @param isAdmitted - Asked with every heartbeat: the stream ends with the right to read it.
 * @param signal - Of the request: says on some runtimes, and earlier than others, that the client is gone.
 */
export type OpenEventStream = (
  reader: EventReader,
  isAdmitted: () => Promise<boolean>,
  signal: AbortSignal,
) => ReadableStream<Uint8Array>

/** Proxies and servers cut what is silent; the most impatient do so after 10 seconds. */
const HEARTBEAT_MS = 8000
/** Without a byte taken between so many of them, which is half a minute at least, a client is dropped. */
const MAX_MISSED = 5
const CHUNK_CHARACTERS = 65_536

/** Makes what event streams are opened with. */
export function createEventStreams(onError: (error: unknown) => void): OpenEventStream {
  const textOf = createWriter()
  let opened = 0

  /** One to three seconds, other ones for each: those who lose a server do not come to the next one all at once. */
  function nextRetryMs(): number {
    opened++
    return 1000 + ((opened * 1236) % 2000)
  }

  return (reader, isAdmitted, signal) => {
    let heart: ReturnType<typeof setInterval> | undefined
    let isOver = false
    let isAsked = false
    let isBeatDue = false
    let missed = 0

    function end(): void {
      isOver = true
      clearInterval(heart)
      reader.close()
    }

    async function* write(): AsyncGenerator<string> {
      // At once, so that the head of the answer goes out.
      yield formatRetry(nextRetryMs())
      let events: readonly VaultEvent[] | null = []
      for (;;) {
        if (events.length === 0) events = await reader.take()
        if (events === null) return
        if (isBeatDue) {
          isBeatDue = false
          if (!(await isAdmitted())) return
        }
        const { text, rest } = nextChunk(events)
        events = rest
        yield text === '' ? HEARTBEAT : text
      }
    }

    function nextChunk(events: readonly VaultEvent[]) {
      let text = ''
      let count = 0
      for (const event of events) {
        text += textOf(event)
        count++
        if (text.length >= CHUNK_CHARACTERS) break
      }
      return { text, rest: events.slice(count) }
    }

    const texts = write()
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          signal.addEventListener('abort', () => {
            if (isOver) return
            end()
            controller.close()
          })
          heart = setInterval(() => {
            isBeatDue = true
            if (isAsked) return reader.wake()
            if (++missed < MAX_MISSED) return
            end()
            controller.error(new DOMException('The client takes nothing.', 'AbortError'))
          }, HEARTBEAT_MS)
        },
        async pull(controller) {
          isAsked = true
          missed = 0
          const next = await texts.next().catch((error: unknown) => {
            if (!isOver) onError(error)
            return { done: true } as const
          })
          isAsked = false
          if (isOver) return
          if (!next.done) return controller.enqueue(utf8(next.value))
          end()
          controller.close()
        },
        cancel: end,
      },
      // Nothing is fetched ahead: it would go out when nobody may read it any more.
      { highWaterMark: 0 },
    )
  }
}

/** Writes an event once, for all streams that it goes out on. */
function createWriter(): (event: VaultEvent) => string {
  const written = new WeakMap<VaultEvent, string>()
  return (event) => {
    const known = written.get(event)
    if (known !== undefined) return known
    const text = formatStreamEvent({ id: event.eventId, data: JSON.stringify(event) })
    written.set(event, text)
    return text
  }
}
