import type { Clock } from '../lib/clock.ts'
import type { JobHandler } from '../settlement/worker.ts'
import { deliveryJob, deliveryRow, newDelivery } from './delivery.ts'
import type { Endpoints } from './endpoints.ts'
import { queuedEvent } from './events.ts'

/**
 * Runs the jobs of events: promises each to every endpoint that is told of it. The promises are made in the commit that
 * ends the job, so that no endpoint is left out and none has two.
 */
export function createFanOut(endpoints: Pick<Endpoints, 'subscribed'>, clock: Clock): JobHandler {
  return async (job) => {
    const event = queuedEvent(job.data)
    const subscribed = await endpoints.subscribed(event.type)
    const now = clock()
    const writes = subscribed
      .map((endpoint) => newDelivery(event, endpoint))
      .flatMap((delivery) => [deliveryRow(delivery, now), deliveryJob(delivery, now)])
    return { ended: 'done', writes }
  }
}
