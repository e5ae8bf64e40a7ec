/** A store in one SQLite file. */
export type { Clock } from './lib/clock.ts'
export { type SqliteOptions, sqlite } from './stores/sqlite.ts'
export type { Store } from './stores/store.ts'
