import {
  type Meter,
  metrics,
  type Attributes as OtelAttributes,
  type Tracer as OtelTracer,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { HookEvent } from '../hooks/events.ts'
import type { Hooks } from '../hooks/hooks.ts'
import { CofferError } from '../problems/error.ts'
import type { Attributes, Tracer } from './tracer.ts'

/** Where spans and metrics go. */
export interface OpenTelemetryOptions {
  /** Default: the tracer `coffer` of the global provider. */
  readonly tracer?: OtelTracer
  /** Default: the meter `coffer` of the global provider, as it is now: start the SDK before. */
  readonly meter?: Meter
}

/** For `createCoffer`: `createCoffer({ …, ...openTelemetry() })`, or its parts one by one. */
export interface OpenTelemetry {
  /** Counts events, and adds them to the span that they happen in. */
  readonly hooks: Hooks
  /** Draws operations as spans, and measures them. */
  readonly tracer: Tracer
}

/** Bounds of histograms, seconds, as the semantic conventions of databases advise. */
const BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/**
 * Spans and metrics through the API of OpenTelemetry: nothing is recorded before an SDK is set up.
 *
 * Spans `coffer.handle`, `coffer.verify`, `coffer.settle`, `coffer.reconcile`, `coffer.confirm`, and those of the store by
 * the conventions of database clients. Metrics `coffer.events` (counter), `coffer.operation.duration` and
 * `db.client.operation.duration` (histograms, seconds).
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetry {
  const { tracer = trace.getTracer('coffer'), meter = metrics.getMeter('coffer') } = options
  const events = meter.createCounter('coffer.events', {
    description: 'What happened to payments, sessions, vaults, webhooks and requests.',
    unit: '{event}',
  })
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: BOUNDS } })
  const operations = histogram('coffer.operation.duration', 'How long operations of Coffer took.')
  const calls = histogram('db.client.operation.duration', 'How long calls of the store took.')

  return {
    hooks: {
      '*': (event) => {
        const kind = kindOf(event)
        events.add(1, { 'coffer.event': event.type, ...kind })
        trace.getActiveSpan()?.addEvent(event.type, { ...kind, ...idsOf(event) })
      },
    },
    tracer: {
      trace({ name, attributes }, run) {
        const isStore = name.startsWith('store.')
        const call = name.slice(name.indexOf('.') + 1)
        const title = isStore ? `${call} ${attributes['collection']}` : `coffer.${name}`
        const known: OtelAttributes = isStore
          ? { 'db.system.name': 'coffer', 'db.operation.name': call, ...named(attributes) }
          : { 'coffer.operation': name, ...named(attributes) }
        const began = performance.now()
        const start = { kind: isStore ? CLIENT : INTERNAL, attributes: { ...known } }
        return tracer.startActiveSpan(title, start, async (span) => {
          try {
            return await run({ set: (more) => Object.assign(known, named(more)) })
          } catch (error) {
            known['error.type'] = errorTypeOf(error)
            throw error
          } finally {
            const outcome = known['coffer.outcome']
            if (outcome === 'unknown' || outcome === 'unsent') known['error.type'] = `settlement_${outcome}`
            if ('error.type' in known) span.setStatus({ code: SpanStatusCode.ERROR })
            span.setAttributes(known).end()
            const { 'db.operation.batch.size': _, ...few } = known
            const histogram = isStore ? calls : operations
            histogram.record((performance.now() - began) / 1000, few)
          }
        })
      },
    },
  }
}

const { CLIENT, INTERNAL } = SpanKind

/** What the semantic conventions have a name for; the rest is ours. */
const NAMES: Readonly<Record<string, string>> = {
  collection: 'db.collection.name',
  rows: 'db.operation.batch.size',
  status: 'http.response.status_code',
}

function named(attributes: Attributes): OtelAttributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [NAMES[name] ?? `coffer.${name}`, value]),
  )
}

/** What kind of thing it happened to: few values each. */
function kindOf(event: HookEvent): OtelAttributes {
  if ('payment' in event) {
    const { protocol, method, network } = event.payment
    return named({ protocol, method, network })
  }
  if ('reason' in event) return named({ reason: event.reason, status: event.status })
  if ('delivery' in event) return named({ webhook: event.delivery.event })
  return 'job' in event ? named({ job: event.job.kind }) : {}
}

/** Which one it happened to. */
function idsOf(event: HookEvent): OtelAttributes {
  if ('payment' in event) return { 'coffer.payment.id': event.payment.id }
  if ('session' in event) return { 'coffer.payment.id': event.session.paymentId }
  if ('vault' in event) return { 'coffer.vault.id': event.vault.id }
  if ('delivery' in event) return { 'coffer.delivery.id': event.delivery.id }
  return 'job' in event ? { 'coffer.job.id': event.job.id } : {}
}

/** Never its text: that of a driver may hold what it was given. */
function errorTypeOf(error: unknown): string {
  if (error instanceof CofferError) return error.code
  return error instanceof Error ? error.name : '_OTHER'
}
