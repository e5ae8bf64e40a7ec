import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import type { Attempt, JobHandler } from '../settlement/worker.ts'
import type { Write } from '../stores/store.ts'
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
  readonly notifier: Notifier
  /** From the look-up of the name to the last byte of the answer, milliseconds. */
  readonly timeoutMs: number
}

/**
 * Runs the jobs of deliveries: posts the event, signed for this try. What the endpoint answered is written down in the
 * commit that ends the job; when the process dies before that, the same message is sent again.
 */
export function createDeliverer(options: DelivererOptions): JobHandler {
  const { endpoints, log, clock, random, notifier } = options

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
    const writes = [deliveryRow({ ...delivery, status }, clock()), ...news(`webhook.${status}`, delivery)]
    return { ended: 'done', writes: gone === undefined ? writes : [...writes, disabledAsGone(gone)] }
  }

  function news(
    type: 'webhook.delivered' | 'webhook.failed' | 'webhook.dead',
    { id, endpoint, type: event, attempts }: Delivery,
  ): readonly Write[] {
    return notifier.afterCommit(type, () => {
      const { status = null, error = null } = attempts.at(-1) ?? {}
      // What a sender of the seller's throws may name the URL; the delivery log has it in full.
      const code = error === null || SYSTEM_CODE.test(error) ? error : 'failed'
      return { delivery: { id, endpoint, event, status, error: code } }
    })
  }

  function failed(delivery: Delivery, result: PostResult, tries: number): Attempt {
    const now = clock()
    const { status, retryAfter } = result
    const error = result.error ?? `answered ${status}`
    const asked = status === 429 || status === 503 ? retryAfterMs(retryAfter, now) : 0
    const chance = (random(1)[0] ?? 0) / 256
    const dueAt = now + Math.max(asked, retryDelayMs(tries, chance))
    if (dueAt > (delivery.firstTriedAt ?? now) + GIVE_UP_AFTER_MS) {
      const writes = [deliveryRow({ ...delivery, status: 'dead' }, now), ...news('webhook.dead', delivery)]
      return { ended: 'dead', error, writes }
    }
    // Time decides when it is enough, not a number of tries: the worker's own limit would leave the log behind.
    const writes = [deliveryRow(delivery, now), ...news('webhook.failed', delivery)]
    return { ended: 'later', error, dueAt, maxAttempts: Infinity, writes }
  }
}

const SYSTEM_CODE = /^[A-Z][A-Z0-9_]*$/

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
