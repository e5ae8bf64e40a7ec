/** A store in Postgres, and wake-ups through it. */
export type { Clock } from './lib/clock.ts'
export type { Bus, Unsubscribe } from './stores/bus.ts'
export { type PostgresOptions, postgres } from './stores/postgres.ts'
export { type PostgresBusOptions, postgresBus } from './stores/postgres-bus.ts'
export type { PostgresClient } from './stores/postgres-client.ts'
export type { PostgresBusClient } from './stores/postgres-listener.ts'
export { type MigrateOptions, migratePostgres } from './stores/postgres-schema.ts'
export type { Store } from './stores/store.ts'
