import { callGuarded } from '../lib/guarded.ts'

/** Follows operations from their start to their end, to measure them or to draw them as spans. */
export interface Tracer {
  /**
   * Runs an operation and passes on what comes of it. Whatever a tracer does, operations run exactly once, and their
   * callers get what they return or throw; what the tracer itself throws goes to `onError`.
   *
   * @param run - To be called at once, with what takes the attributes that are known at the end only.
   */
  trace<Result>(operation: Operation, run: (span: Span) => Promise<Result>): Promise<Result>
}

/** Something that takes time. */
export interface Operation {
  readonly name: OperationName
  /** What is known when it starts. */
  readonly attributes: Attributes
}

/**
 * What is traced: the decision about a request (`handle`), the check of a credential, the movement of money now
 * (`settle`), the questions to a chain about it (`reconcile`, `confirm`), and what the store does.
 */
export type OperationName =
  | 'handle'
  | 'verify'
  | 'settle'
  | 'reconcile'
  | 'confirm'
  | 'store.get'
  | 'store.list'
  | 'store.commit'

/** Facts about an operation. Few values for each name, and never a credential, a token or a secret. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** An operation under way. */
export interface Span {
  /** Adds what is known by now. */
  set(attributes: Attributes): void
}

/** {@link Tracer.trace} that holds its promise whatever the tracer does. */
export type Trace = Tracer['trace']

const NO_SPAN: Span = { set: () => {} }

/** Keeps a tracer from breaking what it traces. `onError` must not throw. */
export function guardTracer(tracer: Tracer, onError: (error: unknown) => void): Trace {
  return (operation, run) => {
    let result: ReturnType<typeof run> | undefined
    const passed = new Set<unknown>()
    const once = (span: Span): ReturnType<typeof run> => {
      const guarded: Span = { set: (attributes) => callGuarded(() => span.set(attributes), onError) }
      result ??= run(guarded).catch((error: unknown) => {
        passed.add(error)
        throw error
      })
      return result
    }
    callGuarded(
      () => tracer.trace(operation, once),
      // The caller gets what the operation throws; only what is the tracer's own is told.
      (error) => passed.has(error) || onError(error),
    )
    return once(NO_SPAN)
  }
}
