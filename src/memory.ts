/** A store in memory. */
export type { Clock } from './lib/clock.ts'
export { type MemoryOptions, memory } from './stores/memory.ts'
export type { Store } from './stores/store.ts'
