/** A store, blobs and a bus in memory. */
export type { BlobRange, BlobStore } from './blobs/blob-store.ts'
export { memoryBlobs } from './blobs/memory.ts'
export type { Clock } from './lib/clock.ts'
export type { Bus, Unsubscribe } from './stores/bus.ts'
export { type MemoryOptions, memory } from './stores/memory.ts'
export { memoryBus } from './stores/memory-bus.ts'
export type { Store } from './stores/store.ts'
