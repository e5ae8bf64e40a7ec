/**
 * For sellers: a chain, a facilitator and payers in this process, so that unit tests pay with plain `Request` objects. For
 * those who write a store, a bus or blobs: the proof that they do what Coffer asks of them.
 */
export type { BlobRange, BlobStore } from './blobs/blob-store.ts'
export type { Signer } from './evm/signer.ts'
export type { Clock } from './lib/clock.ts'
export type { Random } from './lib/id.ts'
export type { Json, JsonObject } from './lib/json.ts'
export type { Bus, Unsubscribe } from './stores/bus.ts'
export type { Entry, Page, Range, Store, Version, Write } from './stores/store.ts'
export { type BlobStoreFactory, blobContract } from './testing/blob-contract.ts'
export { type BusFactory, busContract } from './testing/bus-contract.ts'
export {
  createFakeChain,
  type FakeChain,
  type FakeChainOptions,
  type FakeNetworkOptions,
  type PayableChain,
} from './testing/fake-chain.ts'
export { createFakeClock, type FakeClock } from './testing/fake-clock.ts'
export {
  createFakeFacilitator,
  type FakeFacilitator,
  type FakeFacilitatorOptions,
} from './testing/fake-facilitator.ts'
export { createFakeRandom } from './testing/fake-random.ts'
export { createFakeTempo, type FakeTempo, type FakeTempoOptions } from './testing/fake-tempo.ts'
export type { FakeServer, Fault } from './testing/fault.ts'
export { type ContractRunner, type StoreFactory, storeContract } from './testing/store-contract.ts'
export {
  createTestPayer,
  type PayerDialect,
  type TestedHandler,
  type TestPayer,
  type TestPayerOptions,
} from './testing/test-payer.ts'
