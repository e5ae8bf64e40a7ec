/** For those who write a store: the proof that it does what Coffer asks of it. */
export type { Clock } from './lib/clock.ts'
export type { Entry, Page, Range, Store, Version, Write } from './stores/store.ts'
export { type ContractRunner, type StoreFactory, storeContract } from './testing/store-contract.ts'
