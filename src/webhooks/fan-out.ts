import type { Clock } from '../lib/clock.ts'
import { enqueue } from '../settlement/outbox.ts'
import type { JobHandler } from '../settlement/worker.ts'
import { deliveryJob, deliveryRow, newDelivery } from './delivery.ts'
import type { Endpoints } from './endpoints.ts'
import { queuedEvent } from './events.ts'

/** Endpoints of one commit. With the longest events there are, these are less than every store takes. */
const STEP = 16

/**
 * Runs the jobs of events: promises each to every endpoint that is told of it, some at a time. The promises are made in the
 * commit that ends the job, or hands it on to the next, so that no endpoint is left out and none has two.
 */
export function createFanOut(endpoints: Pick<Endpoints, 'subscribed'>, clock: Clock): JobHandler {
  return async (job) => {
    const event = queuedEvent(job.data)
    const after = String(job.data['after'] ?? '')
    const left = (await endpoints.subscribed(event.type)).filter(({ id }) => id > after)
    const told = left.slice(0, STEP)
    const now = clock()
    const writes = told
      .map((endpoint) => newDelivery(event, endpoint))
      .flatMap((delivery) => [deliveryRow(delivery, now), deliveryJob(delivery, now)])
    const last = told.at(-1)
    if (last === undefined || told.length === left.length) return { ended: 'done', writes }
    const next = enqueue({ id: job.id, kind: job.kind, data: { ...job.data, after: last.id } }, now)
    return { ended: 'done', writes: [...writes, next] }
  }
}
