/** A fresh process: `node --expose-gc footprint-process.ts <modules…>`. Loads them, says what that took, and ends. */

/** What loading took. */
export interface Loading {
  readonly ms: number
  /** Bytes of all pages of the process afterwards. */
  readonly resident: number
}

const begin = performance.now()
for (const module of process.argv.slice(2)) await import(module)
const ms = performance.now() - begin
globalThis.gc?.()
process.send?.({ ms, resident: process.memoryUsage.rss() } satisfies Loading, () => process.disconnect())
