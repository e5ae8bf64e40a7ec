/** Runs what has the same key one after the other, in the order of the calls; other keys do not wait. */
export type Turns = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

/** Makes {@link Turns} for this process. What fails does not hold up what comes after it. */
export function createTurns(): Turns {
  /** The last in each row, settled or not; never rejects. */
  const tails = new Map<string, Promise<void>>()
  return (key, work) => {
    const turn = (tails.get(key) ?? Promise.resolve()).then(work)
    const tail: Promise<void> = turn.then(
      () => leave(key, tail),
      () => leave(key, tail),
    )
    tails.set(key, tail)
    return turn
  }

  function leave(key: string, tail: Promise<void>): void {
    if (tails.get(key) === tail) tails.delete(key)
  }
}
