import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js'

/** Often enough for clients that give up without a sign of life. */
const EVERY_MS = 5000

/** Tells a caller who wants to know that a call is under way, until it is ended. What it tells is how long, since nobody knows more. */
export function startProgress(
  name: string,
  { _meta, sendNotification }: RequestHandlerExtra<ServerRequest, ServerNotification>,
): { end(): void } {
  const { progressToken } = _meta ?? {}
  if (progressToken === undefined) return { end() {} }
  let progress = 0
  const tell = (): void => {
    const message = progress === 0 ? `${name} has begun` : `${name}: ${(progress * EVERY_MS) / 1000} s`
    // Who does not listen any more misses nothing.
    sendNotification({
      method: 'notifications/progress',
      params: { progressToken, progress, message },
    }).catch(() => {})
    progress++
  }
  tell()
  const timer = setInterval(tell, EVERY_MS)
  return { end: () => clearInterval(timer) }
}
