/** Remembers one wake-up until somebody waits for it. */
export interface Latch {
  /** Wakes whoever waits, or else whoever waits next. */
  readonly set: () => void
  /** Until it is set, or for so many milliseconds at most. */
  wait(ms?: number): Promise<void>
}

/** Makes a latch for one that waits. */
export function createLatch(): Latch {
  let isSet = false
  let release = (): void => {}
  return {
    set() {
      isSet = true
      release()
    },
    async wait(ms) {
      if (!isSet) {
        await new Promise<void>((resolve) => {
          const timer = ms === undefined ? undefined : setTimeout(resolve, Math.max(0, ms))
          release = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      isSet = false
    },
  }
}
