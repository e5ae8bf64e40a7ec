import type { BlobStore } from '../blobs/blob-store.ts'
import { bytesStream } from '../blobs/blob-stream.ts'
import { readBytes } from '../lib/body.ts'
import { fromUtf8, utf8 } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import type { Json, JsonObject } from '../lib/json.ts'
import { sha256Hex } from '../lib/sha256.ts'
import { CofferError } from '../problems/error.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { scan } from '../stores/scan.ts'
import { type Entry, prefixRange, type Store } from '../stores/store.ts'
import { contentOf, contentText, fitsInline, readText } from './content.ts'
import { itemId, itemNumber } from './item-id.ts'
import type { Limits } from './limits.ts'
import { type Storage, storageFull } from './storage.ts'
import type { Uploads } from './uploads.ts'
import type { VaultRecord } from './vault.ts'
import { closedTo, type VaultBook, type VaultChange } from './vault-book.ts'

/** What is known of a document without reading it. */
export interface DocumentStub {
  /** `doc_…`; ordered as text within a vault. */
  readonly id: string
  readonly label: string | null
  /** Bytes of its canonical JSON (RFC 8785). */
  readonly size: number
  /** Of its canonical JSON, in lower-case hexadecimal. */
  readonly sha256: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** A document of a vault. */
export interface Document extends DocumentStub {
  readonly data: Json
}

/** The documents of vaults. */
export interface Documents {
  /**
   * Adds whatever JSON can carry.
   *
   * @throws CofferError `invalid-option` for what it cannot.
   */
  add(vault: string, data: unknown, label?: string): Promise<DocumentStub | Refusal>
  get(vault: string, id: string): Promise<Document | Refusal>
  /** The documents of a vault in the order of their numbers, as they stand. */
  list(vault: string): AsyncIterable<DocumentStub>
  /** {@link list} with their data. */
  listWhole(vault: string): AsyncIterable<Document>
}

/** What {@link createDocuments} stands on. */
export interface DocumentsOptions {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly limits: Limits
  readonly book: VaultBook
  readonly storage: Storage
  readonly uploads: Uploads
}

/** A document as the store keeps it. */
interface DocumentRecord extends DocumentStub {
  /** Its canonical JSON; `null` when it is a blob. */
  readonly text: string | null
  readonly blob: string | null
}

/** Rows may be large: a page of them should not be. */
const PAGE = 50
const MAX_LABEL = 500

/** Opens the documents of vaults. */
export function createDocuments(options: DocumentsOptions): Documents {
  const { store, blobs, clock, limits, book, storage, uploads } = options

  function admit({ documents }: VaultRecord, coming: number): Refusal | null {
    const { documentsPerVault: most } = limits
    return most !== null && documents + coming >= most ? TOO_MANY : null
  }

  function recorded(
    vault: VaultRecord,
    content: Pick<DocumentRecord, 'label' | 'size' | 'sha256' | 'text' | 'blob'>,
  ): VaultChange<DocumentStub> {
    const number = vault.documents + 1
    const id = itemId('doc', vault.id, number)
    const record: DocumentRecord = { id, ...content, createdAt: clock() }
    const value = record as unknown as JsonObject
    return {
      vault: { ...vault, documents: number, bytes: vault.bytes + content.size },
      writes: [{ key: keys.document(vault.id, number), value, if: 'absent' }],
      done: () => stubOf(record),
    }
  }

  async function dataOf({ text, blob, size }: DocumentRecord): Promise<Json> {
    if (text !== null) return contentOf(text)
    const stream = blob === null ? null : await blobs.open(blob)
    const bytes = stream && (await readBytes(stream, size))
    const read = bytes && fromUtf8(bytes)
    if (read === null) throw new CofferError('store-failed', 'the blob of a document is missing')
    return contentOf(read)
  }

  async function* records(vault: string): AsyncGenerator<DocumentRecord> {
    const range = prefixRange(keys.documents(vault))
    for await (const entry of scan(store, range, PAGE)) yield documentOf(entry)
  }

  return {
    async add(id, data, labelText) {
      const label = labelText === undefined ? null : readText('document.label', labelText, MAX_LABEL)
      const text = contentText(data, 'document.data')
      const bytes = utf8(text)
      const size = bytes.length
      if (!fitsInline(text)) {
        const incoming = { kind: 'document', body: bytesStream(bytes), size, maxBytes: null, admit } as const
        return uploads.receive(id, incoming, (vault, arrived) =>
          recorded(vault, { label, text: null, ...arrived }),
        )
      }
      const content = { label, size, sha256: sha256Hex(text), text, blob: null }
      return storage.inTurn(() =>
        book.change<DocumentStub>(id, async (held) => {
          const closed = closedTo(held) ?? admit(held.vault, 0)
          if (closed !== null) return closed
          const room = await storage.measure()
          if (size > room.free) return storageFull(size)
          const change = recorded(held.vault, content)
          return { ...change, writes: [...change.writes, ...room.taking(size)] }
        }),
      )
    },

    get: (vault, id) =>
      book.readWhole(vault, async (): Promise<Document | Refusal> => {
        const number = itemNumber('doc', vault, id)
        const entry = number === null ? null : await store.get(keys.document(vault, number))
        if (entry === null) return NOT_FOUND
        const record = documentOf(entry)
        return { ...stubOf(record), data: await dataOf(record) }
      }),

    async *list(vault) {
      for await (const record of records(vault)) yield stubOf(record)
    },

    async *listWhole(vault) {
      for await (const record of records(vault)) yield { ...stubOf(record), data: await dataOf(record) }
    },
  }
}

/** The blob of the row of a document; `null` when it has none. */
export function documentBlob(entry: Entry): string | null {
  return documentOf(entry).blob
}

function documentOf({ value }: Entry): DocumentRecord {
  return value as unknown as DocumentRecord
}

function stubOf({ id, label, size, sha256, createdAt }: DocumentRecord): DocumentStub {
  return { id, label, size, sha256, createdAt }
}

const TOO_MANY = refuse('documents-per-vault-exceeded', 'The vault holds as many documents as it may.')
const NOT_FOUND = refuse('document-not-found', 'There is no such document in the vault.')
