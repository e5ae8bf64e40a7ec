import { readBytes } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import { CofferError } from '../problems/error.ts'
import type { AnswerSink } from './next.ts'

/**
 * Passes a body through and shows it to a sink. The stream ends when the outcome is stored, so that a payer who has the
 * whole answer can have it again. When the payer goes away the rest is read for the sink alone, as long as it keeps what
 * it reads.
 *
 * @param gone - Aborts when the payer goes away: not every server cancels its answers then.
 */
export function observeBody(
  body: ReadableStream<Uint8Array>,
  sink: AnswerSink,
  recorded: Promise<boolean>,
  gone: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let isStored = false
  void recorded.then(() => {
    isStored = true
  })

  let reading: Promise<unknown> = Promise.resolve()

  /** Reads on; `null` at the end. One after the other: there are streams that take only one reader at a time. */
  function next(): Promise<Uint8Array | null> {
    const chunk = reading.then(readChunk)
    reading = chunk.catch(() => {})
    return chunk
  }

  async function readChunk(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await reader.read()
      if (done) {
        sink.end()
        return null
      }
      // Bun's streams may be of texts, and Node sends them too.
      const bytes = typeof value === 'string' ? utf8(value) : value
      sink.write(bytes)
      return bytes
    } catch (error) {
      sink.abort()
      throw error
    }
  }

  async function readRest(): Promise<void> {
    let chunk: Uint8Array | null
    do chunk = isStored ? null : await next()
    while (chunk !== null)
  }

  // The failure of the body is the sink's to know.
  gone.addEventListener('abort', () => void readRest().catch(() => {}))
  return new ReadableStream(
    {
      async pull(controller) {
        const chunk = await next()
        if (chunk !== null) return controller.enqueue(chunk)
        if (await recorded) controller.close()
        else controller.error(new CofferError('invalid-state', 'the handler outlived its lease'))
      },
      async cancel(reason) {
        await readRest()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Reads a body that must be held back.
 *
 * @throws CofferError `invalid-state` when it is an event stream, or larger than the limit.
 */
export async function bufferBody(
  response: Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (response.body === null) return null
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const bytes = isStream ? null : await readBytes(response.body, maxBytes)
  if (bytes !== null) return bytes
  await response.body.cancel().catch(() => {})
  const why = isStream ? 'it is an event stream' : `it is larger than ${maxBytes} bytes (results.maxBytes)`
  throw new CofferError(
    'invalid-state',
    `settle: 'after' holds the answer back until the money moved, but ${why}`,
  )
}
