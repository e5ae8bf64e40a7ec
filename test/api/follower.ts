import { createParser } from 'eventsource-parser'
import type { VaultEvent } from '../../src/vaults/vault-event.ts'

/** An event stream as its reader has it so far. */
export interface Followed {
  readonly events: VaultEvent[]
  /** The `id` of each, and its name, which none has. */
  readonly ids: (string | undefined)[]
  readonly names: (string | undefined)[]
  /** Sizes of the pieces that it came in, bytes. */
  readonly pieces: number[]
  heartbeats: number
  retryMs: number | null
  /** Reads on until there are so many events. Throws when the stream ends before. */
  take(count: number): Promise<readonly VaultEvent[]>
  /** Reads one piece; `false` at the end. */
  step(): Promise<boolean>
  /** Reads to the end. */
  rest(): Promise<readonly VaultEvent[]>
  cancel(): Promise<void>
}

/** Reads an event stream piece by piece, with a parser that is not ours. */
export function followAnswer({ body }: Response): Followed {
  if (body === null) throw new Error('there is no stream')
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent({ id, event, data }) {
      followed.ids.push(id)
      followed.names.push(event)
      followed.events.push(JSON.parse(data))
    },
    onRetry: (ms) => {
      followed.retryMs = ms
    },
    onComment: () => void followed.heartbeats++,
    onError(error) {
      throw error
    },
  })
  const followed: Followed = {
    events: [],
    ids: [],
    names: [],
    pieces: [],
    heartbeats: 0,
    retryMs: null,
    async step() {
      const { done, value } = await reader.read()
      if (done) return false
      followed.pieces.push(value.length)
      parser.feed(decoder.decode(value, { stream: true }))
      return true
    },
    async take(count) {
      while (followed.events.length < count) if (!(await followed.step())) throw new Error('the stream ended')
      return followed.events
    },
    async rest() {
      while (await followed.step());
      return followed.events
    },
    cancel: () => reader.cancel(),
  }
  return followed
}

/** The numbers of events within their vault. */
export const numbersOf = (events: readonly VaultEvent[]): number[] =>
  events.map(({ eventId }) => Number(eventId.slice(-12)))

/** 1 to so many. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)
