/** A store and a bus in Deno KV. */
export type { Clock } from './lib/clock.ts'
export type { Bus, Unsubscribe } from './stores/bus.ts'
export { type DenoKvOptions, denoKv } from './stores/deno-kv.ts'
export { denoKvBus } from './stores/deno-kv-bus.ts'
export type { DenoKv, DenoKvCommit, DenoKvEntry, DenoKvKey } from './stores/deno-kv-client.ts'
export type { Store } from './stores/store.ts'
