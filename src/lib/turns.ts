import { within } from './deadline.ts'

/** Runs what has the same key one after the other, in the order of the calls; other keys do not wait. */
export type Turns = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

/** Who works for so long is not waited for any more: not every database answers, ever. */
const MAX_WORK_MS = 10_000

/**
 * Makes {@link Turns} for this process, which spare their users races. They are no lock: what must not happen twice is a matter
 * of the conditions of a commit. What fails does not hold up what comes after it.
 */
export function createTurns(): Turns {
  /** The last in each row, over or not; never rejects. */
  const tails = new Map<string, Promise<void>>()
  return (key, work) => {
    const before = tails.get(key) ?? Promise.resolve()
    const turn = before.then(work)
    const leave = (): void => {
      if (tails.get(key) === tail) tails.delete(key)
    }
    const tail: Promise<void> = before.then(() => within(MAX_WORK_MS, turn)).then(leave, leave)
    tails.set(key, tail)
    return turn
  }
}
