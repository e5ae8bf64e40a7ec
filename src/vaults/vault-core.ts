import type { BlobStore } from '../blobs/blob-store.ts'
import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import type { Bus } from '../stores/bus.ts'
import type { Store } from '../stores/store.ts'
import { type AccessTokens, createAccessTokens } from './access-tokens.ts'
import { createDocuments, type Documents } from './documents.ts'
import { createEventReaders, type EventReaders } from './event-reader.ts'
import { createEvents, type Events } from './events.ts'
import { createVaultHandlers, type VaultHandlers } from './expiry.ts'
import { createFiles, type Files } from './files.ts'
import { createHolds } from './holds.ts'
import { type AnnounceVault, createLifecycle, type Lifecycle } from './lifecycle.ts'
import type { Limits } from './limits.ts'
import { createManifestReader, type ReadManifest } from './manifest.ts'
import { createProver, type DescribePayment, type Prove } from './proof.ts'
import { createSigningKeys, type SigningKeys } from './signing-keys.ts'
import { createStorage, type Storage } from './storage.ts'
import { createStreamTickets, type StreamTickets } from './stream-tickets.ts'
import { createUploads } from './uploads.ts'
import { createVaultBook, type VaultBook } from './vault-book.ts'
import { createVaultCounts, type VaultCounts } from './vault-counts.ts'

/** What vaults stand on. */
export interface VaultsOptions {
  readonly store: Store
  /** Where large documents and all files are kept. */
  readonly blobs: BlobStore
  /** Wakes readers of events; `null` to let them poll. */
  readonly bus: Bus | null
  readonly clock: Clock
  readonly random: Random
  /** What tokens and manifests are signed with: the first signs, all verify. */
  readonly secrets: readonly Uint8Array[]
  readonly limits: Limits
  /** Tells the world what became of a vault. */
  readonly announce: AnnounceVault
  readonly notifier: Notifier
  /** What signed manifests say of a payment. */
  readonly describePayment: DescribePayment
  /** How long it is remembered that there was a vault, milliseconds. */
  readonly tombstoneMs: number
}

/** The parts of vaults, which know a vault by its id and refuse by value: what the HTTP API is made of. */
export interface VaultCore {
  readonly book: VaultBook
  readonly documents: Documents
  readonly files: Files
  readonly events: Events
  readonly readers: EventReaders
  readonly lifecycle: Lifecycle
  readonly readManifest: ReadManifest
  /** Signs what a sealed vault held: a JWS for {@link verifyManifest}. */
  readonly prove: Prove
  readonly signingKeys: SigningKeys
  readonly tokens: AccessTokens
  readonly tickets: StreamTickets
  readonly counts: VaultCounts
  readonly storage: Storage
  readonly handlers: VaultHandlers
}

/** Puts the parts of vaults together. */
export function createVaultCore(options: VaultsOptions): VaultCore {
  const { store, bus, clock, limits } = options
  const book = createVaultBook({ store, clock, bus })
  const storage = createStorage(store, limits.storageBytes)
  const counts = createVaultCounts(store, limits)
  const holds = createHolds({ ...options, book, storage })
  const uploads = createUploads({ ...options, book, storage, holds })
  const documents = createDocuments({ ...options, book, storage, uploads })
  const files = createFiles({ ...options, book, storage, uploads })
  const events = createEvents({ store, clock, book })
  const lifecycle = createLifecycle({ ...options, book, storage, counts })
  const signingKeys = createSigningKeys(options.secrets)
  const tokens = createAccessTokens({ ...options, book })
  return {
    book,
    documents,
    files,
    events,
    readers: createEventReaders({ clock, bus, book, events, expire: lifecycle.expire }),
    lifecycle,
    readManifest: createManifestReader({ clock, book, documents, files }),
    prove: createProver({ ...options, book, documents, files, signingKeys }),
    signingKeys,
    tokens,
    tickets: createStreamTickets({ ...options, tokens }),
    counts,
    storage,
    handlers: createVaultHandlers({ ...options, book, lifecycle }),
  }
}
