/**
 * Reads a body to its end, for nobody. Left where it is, it would stand before the next request on the connection: on Next that
 * one then waits for ever, and Hono's server for Node ends the connection.
 */
export function readAway(body: ReadableStream | null): void {
  if (body !== null && !body.locked) body.pipeTo(new WritableStream()).catch(() => {})
}

/** The same request, whose body is read to its end when it is cancelled: see {@link readAway}. */
export function withWholeBody(request: Request): Request {
  const { url, method, headers, signal, body: whole } = request
  if (whole === null) return request
  const reader = whole.getReader()
  async function readRest(): Promise<void> {
    while (!(await reader.read()).done);
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => void readRest().catch(() => {}),
    },
    { highWaterMark: 0 },
  )
  const init = { method, headers, signal, body, duplex: 'half' }
  return new Request(url, init)
}
