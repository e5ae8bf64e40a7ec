import { type Hooks, readHooks } from '../hooks/hooks.ts'
import { type Logger, logHooks } from '../hooks/logger.ts'
import { createNotifier, type Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import { callGuarded } from '../lib/guarded.ts'
import { invalidOption } from '../problems/error.ts'
import { guardTracer, type Trace, type Tracer } from '../tracing/tracer.ts'
import type { CofferOptions } from './options.ts'

/** Who is told what happens. None of them can break anything. */
export interface Observers {
  /** Told of failures that no caller sees. Never throws. */
  readonly onError: (error: unknown) => void
  readonly notifier: Notifier
  /** `null` when nobody follows what takes time. */
  readonly trace: Trace | null
}

type ObserverOptions = Pick<CofferOptions, 'onError' | 'hooks' | 'logger' | 'tracer'>

/**
 * Reads who is to be told.
 *
 * @throws CofferError `invalid-option`.
 */
export function readObservers(options: ObserverOptions, clock: Clock): Observers {
  const { onError: own, tracer } = options
  const logger = options.logger === undefined ? undefined : readLogger(options.logger)
  const onError = (error: unknown): void => {
    if (own !== undefined) callGuarded(() => own(error), ignore)
    if (logger !== undefined) callGuarded(() => logger.error({ err: error }, 'error'), ignore)
  }
  const hooks: readonly Hooks[] = [
    ...readHooks(options.hooks ?? []),
    ...(logger === undefined ? [] : [logHooks(logger)]),
  ]
  return {
    onError,
    notifier: createNotifier({ hooks, clock, onError }),
    trace: tracer === undefined ? null : guardTracer(readTracer(tracer), onError),
  }
}

const ignore = (): void => {}

function readLogger(logger: Logger): Logger {
  const methods: readonly unknown[] = [logger.debug, logger.info, logger.warn, logger.error]
  if (methods.every((method) => typeof method === 'function')) return logger
  return invalidOption('logger', 'methods debug, info, warn and error')
}

function readTracer(tracer: Tracer): Tracer {
  return typeof tracer.trace === 'function' ? tracer : invalidOption('tracer', 'a method trace')
}
