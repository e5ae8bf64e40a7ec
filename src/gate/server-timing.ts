import type { Fields, HeaderField } from '../lib/message.ts'
import { traceProtocol } from '../tracing/traced-protocol.ts'
import type { Trace } from '../tracing/tracer.ts'
import { withFields } from './answer-fields.ts'
import type { Decide } from './decide.ts'
import type { Settings } from './settings.ts'

/**
 * Tells in `Server-Timing` (W3C) what an answer spent its time with, milliseconds: `session`, `verify`, `settle`, `store`
 * and, between the decision and the head of the answer, `handler`.
 */
export function withServerTiming(decide: Decide): Decide {
  return async (request, opts) => {
    const spent = createMeter()
    const outcome = await decide(request, { ...opts, settings: metered(opts.settings, spent) })
    if (!('grant' in outcome)) return { ...outcome, fields: [...outcome.fields, spent.field(NO_FIELDS)] }
    const handlerIsDone = spent.start('handler')
    return {
      ...outcome,
      conclude(status, headers) {
        handlerIsDone()
        const conclusion = outcome.conclude(status, headers)
        return { ...conclusion, set: [...conclusion.set, spent.field(headers)] }
      },
      async finish(response) {
        handlerIsDone()
        const answer = await outcome.finish(response)
        return withFields(answer, answer.body, [spent.field(answer.headers)])
      },
    }
  }
}

/** Adds up what one request spends. */
interface Meter {
  /** Starts to count; the returned function stops it. */
  start(name: string): () => void
  /** The field, with what the handler itself says there. */
  field(answer: Fields): HeaderField
}

const FIELD = 'server-timing'

const NO_FIELDS: Fields = { get: () => null }

function createMeter(): Meter {
  const sums = new Map<string, number>()
  return {
    start(name) {
      const begun = performance.now()
      return () => sums.set(name, (sums.get(name) ?? 0) + performance.now() - begun)
    },
    field(answer) {
      const own = answer.get(FIELD)
      const ours = [...sums].map(([name, ms]) => `${name};dur=${ms.toFixed(2)}`)
      return [FIELD, [...(own === null ? [] : [own]), ...ours].join(', ')]
    },
  }
}

/** The settings, with parts that count what they spend on this one request. */
function metered(settings: Settings, spent: Meter): Settings {
  const { protocols, ledger, sessions, store } = settings
  const trace: Trace = async ({ name }, run) => {
    const stop = spent.start(name)
    return run({ set: () => {} }).finally(stop)
  }
  return {
    ...settings,
    protocols: protocols.map((protocol) => traceProtocol(protocol, trace)),
    ledger: meteredPart(ledger, 'store', spent),
    store: meteredPart(store, 'store', spent),
    sessions: meteredPart(sessions, 'session', spent),
  }
}

/** Counts every call that is waited for. */
function meteredPart<Part extends object>(part: Part, name: string, spent: Meter): Part {
  return new Proxy(part, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const stop = spent.start(name)
        const result: unknown = Reflect.apply(value, target, args)
        return result instanceof Promise ? result.finally(stop) : result
      }
    },
  })
}
