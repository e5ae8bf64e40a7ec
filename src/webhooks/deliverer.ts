import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import type { Attempt, JobHandler } from '../settlement/worker.ts'
import { type Delivery, deliveryRow, tried } from './delivery.ts'
import type { DeliveryLog } from './delivery-log.ts'
import { type UrlRules, urlFault } from './endpoint-url.ts'
import { disabledAsGone, type Endpoints, type HeldEndpoint } from './endpoints.ts'
import { type PostResult, post, type Sender, unanswered } from './post.ts'
import { GIVE_UP_AFTER_MS, retryAfterMs, retryDelayMs } from './retry.ts'
import { signWebhook } from './signature.ts'

/** What {@link createDeliverer} stands on. */
export interface DelivererOptions {
  readonly endpoints: Pick<Endpoints, 'find' | 'secrets'>
  readonly log: Pick<DeliveryLog, 'get'>
  readonly rules: UrlRules
  readonly send: Sender
  readonly clock: Clock
  readonly random: Random
  /** From the look-up of the name to the last byte of the answer, milliseconds. */
  readonly timeoutMs: number
}

/**
 * Runs the jobs of deliveries: posts the event, signed for this try. What the endpoint answered is written down in the
 * commit that ends the job; when the process dies before that, the same message is sent again.
 */
export function createDeliverer(options: DelivererOptions): JobHandler {
  const { endpoints, log, clock, random } = options

  return async (job) => {
    const delivery = await log.get(String(job.data['delivery']))
    if (delivery === null) return { ended: 'done' }
    const held = await endpoints.find(delivery.endpoint)
    const at = clock()
    if (held === null || !held.endpoint.enabled) {
      const why = held === null ? 'the endpoint was deleted' : 'the endpoint is disabled'
      return ended('dead', tried(delivery, unanswered(why), at, at))
    }
    const result = await tryOnce(delivery, held, options)
    const next = tried(delivery, result, at, clock())
    const { status } = result
    if (status !== null && status >= 200 && status < 300) return ended('delivered', next)
    if (status === 410) return ended('dead', next, held)
    return failed(next, result, job.attempts)
  }

  function ended(status: 'delivered' | 'dead', delivery: Delivery, gone?: HeldEndpoint): Attempt {
    const row = deliveryRow({ ...delivery, status }, clock())
    return { ended: 'done', writes: gone === undefined ? [row] : [row, disabledAsGone(gone)] }
  }

  function failed(delivery: Delivery, result: PostResult, tries: number): Attempt {
    const now = clock()
    const { status, retryAfter } = result
    const error = result.error ?? `answered ${status}`
    const asked = status === 429 || status === 503 ? retryAfterMs(retryAfter, now) : 0
    const chance = (random(1)[0] ?? 0) / 256
    const dueAt = now + Math.max(asked, retryDelayMs(tries, chance))
    if (dueAt > (delivery.firstTriedAt ?? now) + GIVE_UP_AFTER_MS) {
      return { ended: 'dead', error, writes: [deliveryRow({ ...delivery, status: 'dead' }, now)] }
    }
    // Time decides when it is enough, not a number of tries: the worker's own limit would leave the log behind.
    return { ended: 'later', error, dueAt, maxAttempts: Infinity, writes: [deliveryRow(delivery, now)] }
  }
}

/** Never rejects: what goes wrong with an endpoint goes to its log, and is tried again. */
async function tryOnce(
  { event, body }: Delivery,
  { endpoint }: HeldEndpoint,
  { endpoints, rules, send, clock, timeoutMs }: DelivererOptions,
): Promise<PostResult> {
  // The rules may have changed since the endpoint was made.
  const fault = urlFault(endpoint.url, rules)
  if (fault !== null) return unanswered(`expected ${fault}`)
  const secrets = await endpoints.secrets(endpoint).catch((error: Error) => error)
  if (secrets instanceof Error) return unanswered(secrets.message)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Coffer',
    ...signWebhook(event, clock(), body, secrets),
  }
  return post(send, { url: endpoint.url, headers, body }, timeoutMs)
}
