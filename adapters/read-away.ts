/**
 * Reads a body to its end, for nobody. Left where it is, it would stand before the next request on the connection: on Next that
 * one then waits for ever, and Hono's server for Node ends the connection.
 */
export function readAway(body: ReadableStream | null): void {
  if (body !== null && !body.locked) body.pipeTo(new WritableStream()).catch(() => {})
}
