/** A clock that stands still until it is moved. */
export interface FakeClock {
  /** Epoch milliseconds. */
  (): number
  /** Moves it on by so many milliseconds. */
  advance(ms: number): void
}

/** Makes a clock that shows an instant, epoch milliseconds. Default: the first moment of 2030 (UTC). */
export function createFakeClock(instant: number = Date.UTC(2030, 0, 1)): FakeClock {
  let now = instant
  return Object.assign(() => now, {
    advance(ms: number) {
      now += ms
    },
  })
}
