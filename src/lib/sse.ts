/**
 * Event streams, `text/event-stream`: sections "Parsing" and "Interpreting an event stream" of the HTML standard
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */

/** An event without a name, which is what `onmessage` of an `EventSource` is called for. */
export interface StreamEvent {
  /** What a reader sends as `Last-Event-ID` when it comes back. */
  readonly id: string
  readonly data: string
}

/** A comment: what keeps a connection open on which nothing happens. No reader sees it. */
export const HEARTBEAT = ':\n\n'

/**
 * Writes an event.
 *
 * @throws TypeError for what a stream cannot carry: a line break or U+0000 in the id, a carriage return in the data
 * (readers would take it for a line feed), half a character in either.
 */
export function formatStreamEvent({ id, data }: StreamEvent): string {
  if (/[\r\n\0]/.test(id) || !id.isWellFormed()) throw new TypeError('an event stream cannot carry this id')
  if (data.includes('\r') || !data.isWellFormed()) {
    throw new TypeError('an event stream cannot carry this data')
  }
  return `id: ${id}\ndata: ${data.replaceAll('\n', '\ndata: ')}\n\n`
}

/** Writes how many whole milliseconds a reader waits before it comes back. */
export function formatRetry(ms: number): string {
  return `retry: ${ms}\n\n`
}

/** An event as it was read. */
export interface ReadEvent extends StreamEvent {
  /** Its name; `message` when it has none. */
  readonly type: string
}

/** Reads one event stream as it comes, in pieces of any size. */
export interface EventStreamParser {
  /**
   * Reads on; returns the events that this completed, in order. An event that the stream breaks off in is none.
   *
   * @returns `null` when an event is too long. Nothing more can be read then.
   */
  push(bytes: Uint8Array): readonly ReadEvent[] | null
  /** Milliseconds to wait before coming back, as the stream said last; `null` while it said nothing. */
  readonly retryMs: number | null
}

const MAX_LENGTH = 2 ** 20
const LINE_END = /\r\n?|\n/

/**
 * Starts to read an event stream.
 *
 * @param maxLength - Most characters of an event. Default 1 Mi.
 */
export function createEventStreamParser(maxLength = MAX_LENGTH): EventStreamParser {
  // Drops one byte order mark, and puts U+FFFD for what is not UTF-8.
  const decoder = new TextDecoder()
  let line = ''
  let isAfterReturn = false
  let id = ''
  let type = ''
  let data = ''
  let retryMs: number | null = null

  function readField(field: string, value: string): void {
    if (field === 'data') data += `${value}\n`
    else if (field === 'event') type = value
    else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value)
  }

  function readLine(whole: string): ReadEvent | null {
    if (whole === '') return complete()
    const colon = whole.indexOf(':')
    if (colon < 0) readField(whole, '')
    // What begins with a colon is a comment: a field without a name, which nobody knows.
    else readField(whole.slice(0, colon), whole.slice(colon + (whole[colon + 1] === ' ' ? 2 : 1)))
    return null
  }

  /** An event without data is none, but its id stays for those that come. */
  function complete(): ReadEvent | null {
    const event = data === '' ? null : { id, type: type || 'message', data: data.slice(0, -1) }
    type = ''
    data = ''
    return event
  }

  return {
    get retryMs() {
      return retryMs
    },

    push(bytes) {
      const text = decoder.decode(bytes, { stream: true })
      if (text === '') return []
      // The other half of a line end whose first half ended the piece before.
      const start = isAfterReturn && text.startsWith('\n') ? 1 : 0
      isAfterReturn = text.endsWith('\r')
      const lines = text.slice(start).split(LINE_END)
      const rest = lines.pop() ?? ''
      const events: ReadEvent[] = []
      for (const end of lines) {
        const event = readLine(line + end)
        line = ''
        if (event !== null) events.push(event)
      }
      line += rest
      return line.length + data.length > maxLength ? null : events
    },
  }
}
