/** For those who write a store: the proof that it does what Coffer asks of it. */
export type { BlobRange, BlobStore } from './blobs/blob-store.ts'
export type { Clock } from './lib/clock.ts'
export type { Entry, Page, Range, Store, Version, Write } from './stores/store.ts'
export { type BlobStoreFactory, blobContract } from './testing/blob-contract.ts'
export { type ContractRunner, type StoreFactory, storeContract } from './testing/store-contract.ts'
