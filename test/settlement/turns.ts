import { setImmediate } from 'node:timers/promises'
import { CofferError } from '../../src/problems/error.ts'
import type { Store } from '../../src/stores/store.ts'

/** Who makes calls. Nothing that the dead wait for ever comes. */
export interface Caller {
  isAlive: boolean
}

/** A call that waits for its turn: nothing has happened yet. */
interface Waiting {
  readonly caller: Caller
  readonly name: string
  /** What it reads and writes, when it is a call to the store. */
  readonly keys: readonly string[] | null
  carryOut(): Promise<void>
  reject(error: unknown): void
}

/**
 * Every call that leaves a process waits here until the test gives it a turn, in any order, or lets its process die of
 * it. So the test decides how processes interleave, and where they break off.
 */
export interface Turns {
  wait<Result>(
    caller: Caller,
    name: string,
    effect: () => Result | Promise<Result>,
    keys?: readonly string[],
  ): Promise<Result>
  /** How many calls wait that are not held up. */
  count(): number
  /** Holds a call up, until {@link wake}. */
  stall(at: number): void
  wake(): void
  /** Lets a waiting call happen and return. Does nothing when none waits; so do the others. */
  take(at: number): Promise<void>
  /** Ends the process that makes a call, at it: the call may still take effect. Returns who died. */
  kill(at: number, takesEffect: boolean): Promise<Caller | null>
  /** Lets a call to the store fail, which may still take effect. Tells which keys it was about. */
  fail(at: number, takesEffect: boolean, tell: (keys: readonly string[]) => void): Promise<void>
}

/** Lets everybody run who waits for nothing that the test decides. */
export async function quiet(): Promise<void> {
  await setImmediate()
}

export function createTurns(): Turns {
  let waiting: Waiting[] = []
  let stalled: Waiting[] = []

  function remove(at: number, isFit: (call: Waiting) => boolean = () => true): Waiting | null {
    const fit = waiting.filter(isFit)
    const call = fit[at % fit.length]
    if (call === undefined) return null
    waiting = waiting.filter((other) => other !== call)
    return call
  }

  return {
    wait(caller, name, effect, keys) {
      return new Promise((resolve, reject) => {
        if (!caller.isAlive) return
        waiting.push({
          caller,
          name,
          keys: keys ?? null,
          reject,
          async carryOut() {
            try {
              const result = await effect()
              if (caller.isAlive) resolve(result)
            } catch (error) {
              if (caller.isAlive) reject(error)
            }
          },
        })
      })
    },
    count: () => waiting.length,
    stall(at) {
      const call = remove(at)
      if (call !== null) stalled.push(call)
    },
    wake() {
      waiting.push(...stalled)
      stalled = []
    },
    async take(at) {
      const call = remove(at)
      await call?.carryOut()
      await quiet()
    },
    async kill(at, takesEffect) {
      const call = remove(at)
      if (call === null) return null
      const { caller } = call
      caller.isAlive = false
      waiting = waiting.filter((other) => other.caller !== caller)
      stalled = stalled.filter((other) => other.caller !== caller)
      if (takesEffect) await call.carryOut()
      return caller
    },
    async fail(at, takesEffect, tell) {
      const call = remove(at, ({ keys }) => keys !== null)
      if (call === null) return
      tell(call.keys ?? [])
      // A promise settles once: the effect has nobody to tell any more.
      call.reject(new CofferError('store-failed', 'the connection was lost'))
      if (takesEffect) await call.carryOut()
      await quiet()
    },
  }
}

/** A store whose every call waits for its turn. */
export function takingTurns(store: Store, caller: Caller, turns: Turns): Store {
  return {
    get: (key) => turns.wait(caller, 'get', () => store.get(key), [key]),
    list: (range, page) => turns.wait(caller, 'list', () => store.list(range, page), [range.start]),
    commit(writes) {
      const keys = writes.map(({ key }) => key)
      return turns.wait(caller, 'commit', () => store.commit(writes), keys)
    },
    close: () => store.close(),
  }
}
