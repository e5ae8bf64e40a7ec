import type { Clock } from '../lib/clock.ts'
import { callGuarded } from '../lib/guarded.ts'
import type { Store, Write } from '../stores/store.ts'
import type { HookEvent, HookFacts, HookType } from './events.ts'
import type { Hook, Hooks } from './hooks.ts'

/** Tells hooks what happens. Facts are gathered only when somebody is told. */
export interface Notifier {
  /** Tells now: of what no commit makes true. */
  notify<Type extends HookType>(type: Type, facts: () => HookFacts[Type]): void
  /**
   * Tells when a commit has held: rows for that commit, which {@link watch}ed stores take out. So what is told is true,
   * and is told once, by the process whose commit made it true; a process that dies in between tells nothing.
   */
  afterCommit<Type extends HookType>(type: Type, facts: () => HookFacts[Type]): readonly Write[]
  /** The store, as those must use it who write such rows. */
  watch(store: Store): Store
}

/** What a {@link Notifier} stands on. */
export interface NotifierOptions {
  readonly hooks: readonly Hooks[]
  readonly clock: Clock
  /** Told of what hooks throw. Must not throw itself. */
  readonly onError: (error: unknown) => void
}

/** A row that no store sees. */
interface Notice extends Write {
  readonly tell: () => void
}

/** Tells nobody, at no cost. */
export const SILENT: Notifier = {
  notify: () => {},
  afterCommit: () => [],
  watch: (store) => store,
}

/** Makes the {@link Notifier} of a configuration. */
export function createNotifier({ hooks, clock, onError }: NotifierOptions): Notifier {
  if (hooks.length === 0) return SILENT

  function notify<Type extends HookType>(type: Type, facts: () => HookFacts[Type]): void {
    const event = { type, at: clock(), ...facts() } as HookEvent<Type>
    for (const { [type]: own, '*': any } of hooks) {
      // Types cannot say that a hook found by a type takes the event of that type.
      const told = [own, any] as readonly (Hook<Type> | undefined)[]
      for (const hook of told) if (hook !== undefined) callGuarded(() => hook(event), onError)
    }
  }

  return {
    notify,
    afterCommit(type, facts) {
      const notice: Notice = { key: `hook/${type}`, value: null, tell: () => notify(type, facts) }
      return [notice]
    },
    watch: (store) => ({
      get: (key) => store.get(key),
      list: (range, page) => store.list(range, page),
      async commit(writes) {
        const notices = writes.filter(isNotice)
        const version = await store.commit(writes.filter((write) => !isNotice(write)))
        if (version !== null) for (const { tell } of notices) tell()
        return version
      },
      close: () => store.close(),
    }),
  }
}

function isNotice(write: Write): write is Notice {
  return 'tell' in write
}
