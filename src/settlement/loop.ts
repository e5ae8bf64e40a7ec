/** Something that goes on until it is stopped. */
export interface Loop {
  start(): void
  /** Resolves when the round under way has ended. */
  stop(): Promise<void>
}

const IDLE_MS = 1000

/**
 * Repeats rounds of work: at once while there is some, else after a second.
 *
 * @param round - Returns how much it did. What it throws is told, and counts as nothing done.
 */
export function createLoop(round: () => Promise<number>, onError: (error: unknown) => void): Loop {
  let running: Promise<void> | null = null
  let wake = (): void => {}
  let isStopped = false

  async function run(): Promise<void> {
    while (!isStopped) {
      const done = await round().catch((error: unknown) => {
        onError(error)
        return 0
      })
      if (done === 0 && !isStopped) await idle()
    }
  }

  function idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS)
      // Node keeps a process alive for its timers; elsewhere a timer is a number and does not.
      if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    start() {
      isStopped = false
      running ??= run()
    },
    async stop() {
      isStopped = true
      wake()
      await running
      running = null
    },
  }
}
