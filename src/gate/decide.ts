import type { Answer } from '../lib/message.ts'
import type { Trace } from '../tracing/tracer.ts'
import { type HandleOptions, handle } from './handle.ts'
import type { Next } from './next.ts'
import type { RequestHead } from './request-head.ts'
import { withServerTiming } from './server-timing.ts'
import type { Settings } from './settings.ts'

/** Decides one request, as {@link handle} does. */
export type Decide = (request: RequestHead, opts: HandleOptions) => Promise<Answer | Next>

/** {@link handle} itself, or with what a configuration wants to see of it around it. */
export function createDecide({ serverTiming, trace }: Settings): Decide {
  const decide = serverTiming ? withServerTiming(handle) : handle
  return trace === null ? decide : withTrace(decide, trace)
}

function withTrace(decide: Decide, trace: Trace): Decide {
  return (request, opts) =>
    trace({ name: 'handle', attributes: {} }, async (span) => {
      const outcome = await decide(request, opts)
      span.set(
        'grant' in outcome
          ? { outcome: 'granted', redeemed: outcome.grant.payment.redeemed }
          : { outcome: 'answered', status: outcome.status },
      )
      return outcome
    })
}
