import type { Clock } from '../lib/clock.ts'
import type { Json } from '../lib/json.ts'
import type { Refusal } from '../problems/refusal.ts'
import type { Documents } from './documents.ts'
import { type FileStub, type Files, stubOf } from './files.ts'
import { statusOf, type VaultStatus } from './vault.ts'
import type { VaultBook } from './vault-book.ts'

/** All that a vault holds but the bytes of its files. Instants are epoch milliseconds. */
export interface Manifest {
  /** `vlt_…` */
  readonly id: string
  readonly status: VaultStatus
  readonly label: string | null
  /** What was said when it was sealed. */
  readonly summary: string | null
  readonly createdAt: number
  readonly sealedAt: number | null
  readonly persistedAt: number | null
  /** When it ends; `null` once it is persisted. */
  readonly expiresAt: number | null
  /** In the order in which they were added. */
  readonly documents: readonly ManifestDocument[]
  /** In the order in which they were added. */
  readonly files: readonly ManifestFile[]
  /** How many events there were. */
  readonly events: number
}

/** A document in a manifest. */
export interface ManifestDocument {
  readonly id: string
  readonly label: string | null
  readonly data: Json
  readonly createdAt: number
}

/** A file in a manifest. */
export interface ManifestFile extends FileStub {
  /** Where the API has its bytes. */
  readonly url: string
}

/** Reads the manifest of a live vault. What is written meanwhile may be in it or not. */
export type ReadManifest = (vault: string, baseUrl?: string) => Promise<Manifest | Refusal>

/** What {@link createManifestReader} stands on. */
export interface ManifestReaderOptions {
  readonly clock: Clock
  readonly book: VaultBook
  readonly documents: Documents
  readonly files: Files
}

/** Makes what manifests are read with. The base URL is what the routes of the API begin with; none by default. */
export function createManifestReader({ clock, book, documents, files }: ManifestReaderOptions): ReadManifest {
  return (id, baseUrl = '') =>
    book.readWhole(id, async ({ vault }): Promise<Manifest> => {
      const { label, summary, createdAt, sealedAt, persistedAt, expiresAt, events } = vault
      const listed: ManifestDocument[] = []
      for await (const { id, label, data, createdAt } of documents.listWhole(vault.id)) {
        listed.push({ id, label, data, createdAt })
      }
      const listedFiles: ManifestFile[] = []
      for await (const file of files.list(id)) {
        const url = `${baseUrl}/vaults/${id}/files/${file.id}`
        if (file.deletedAt === null) listedFiles.push({ ...stubOf(file), url })
      }
      return {
        id,
        status: statusOf(vault, clock()),
        label,
        summary,
        createdAt,
        sealedAt,
        persistedAt,
        expiresAt,
        documents: listed,
        files: listedFiles,
        events,
      }
    })
}
