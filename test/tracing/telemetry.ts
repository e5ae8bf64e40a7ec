import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attributes, type Context, type ContextManager, context, ROOT_CONTEXT } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { type OpenTelemetry, openTelemetry } from '../../src/tracing/open-telemetry.ts'

/** Coffer's telemetry, and what an SDK makes of it in memory. */
export interface Telemetry extends OpenTelemetry {
  /** Runs something in a span, as instrumented servers do. */
  within<Result>(title: string, run: () => Promise<Result>): Promise<Result>
  /** Spans that have ended. */
  spans(): readonly ReadableSpan[]
  /** The data points of a metric: attributes, and the value or the number of values. */
  metric(name: string): Promise<readonly (readonly [Attributes, number])[]>
  /** All that was exported, as text. */
  dump(): Promise<string>
  stop(): Promise<void>
}

/** Sets an SDK up, with contexts that follow asynchronous calls. */
export function createTelemetry(): Telemetry {
  context.setGlobalContextManager(createContextManager())
  const exported = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exported)] })
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: measured })
  const meters = new MeterProvider({ readers: [reader] })
  const tracer = tracers.getTracer('test')

  async function metrics() {
    await meters.forceFlush()
    return (
      measured
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
    )
  }

  return {
    ...openTelemetry({ tracer, meter: meters.getMeter('test') }),
    within: (title, run) =>
      tracer.startActiveSpan(title, async (span) => {
        try {
          return await run()
        } finally {
          span.end()
        }
      }),
    spans: () => exported.getFinishedSpans(),
    async metric(name) {
      const found = (await metrics()).find(({ descriptor }) => descriptor.name === name)
      return (found?.dataPoints ?? []).map(({ attributes, value }) => [
        attributes,
        typeof value === 'number' ? value : value.count,
      ])
    },
    async dump() {
      const spans = exported
        .getFinishedSpans()
        .map(({ name, attributes, events, status, links }) => ({ name, attributes, events, status, links }))
      return JSON.stringify([spans, await metrics()])
    },
    async stop() {
      await Promise.all([tracers.shutdown(), meters.shutdown()])
      context.disable()
    },
  }
}

/** What the SDK for Node sets up. */
function createContextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, run, self, ...args) => storage.run(active, () => run.apply(self, args)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
