import type { BlobRange, BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { enqueue } from '../settlement/outbox.ts'
import { keys } from '../stores/keys.ts'
import { scan } from '../stores/scan.ts'
import { type Entry, prefixRange, type Store, type Write } from '../stores/store.ts'
import { itemId, itemNumber } from './item-id.ts'
import type { Limits } from './limits.ts'
import { type NewFile, readNewFile } from './new-file.ts'
import type { Storage } from './storage.ts'
import { blobJob } from './upload.ts'
import type { Uploads } from './uploads.ts'
import type { VaultRecord } from './vault.ts'
import type { VaultBook } from './vault-book.ts'

/** What is known of a file without reading it. */
export interface FileStub {
  /** `fil_…`; ordered as text within a vault. */
  readonly id: string
  /** What its sender called it, with control characters replaced, at most 255 characters. Never a path. */
  readonly name: string
  /** Media type that its sender gave it, in lower case. What is in it may be something else. */
  readonly mimeType: string
  /** Bytes. */
  readonly size: number
  /** In lower-case hexadecimal. */
  readonly sha256: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** A file as the store keeps it. */
export interface FileRecord extends FileStub {
  readonly blob: string
  /** When it was deleted from a sealed vault, which still has to tell what it was; else `null`. */
  readonly deletedAt: number | null
}

/** A file that is being read. */
export interface OpenFile {
  readonly file: FileStub
  /** Its bytes, or those of the range. Read it to the end or cancel it. */
  readonly body: ReadableStream<Uint8Array>
}

/** The files of vaults. */
export interface Files {
  /**
   * Adds a file, reading its body once and keeping none of it in memory.
   *
   * @throws What the body throws; then nothing was added. CofferError `invalid-option` for a wrong member.
   */
  add(vault: string, file: NewFile): Promise<FileStub | Refusal>
  get(vault: string, id: string): Promise<FileStub | Refusal>
  /** @throws CofferError `invalid-option` for a range that is not within the file. */
  open(vault: string, id: string, range?: BlobRange): Promise<OpenFile | Refusal>
  /** Deletes a file, also from a sealed vault. Its bytes go with the next tick of the outbox. */
  delete(vault: string, id: string): Promise<null | Refusal>
  /** The files of a vault in the order of their numbers, as they stand, with those that a sealed vault has lost. */
  list(vault: string): AsyncIterable<FileRecord>
}

/** What {@link createFiles} stands on. */
export interface FilesOptions {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly limits: Limits
  readonly book: VaultBook
  readonly storage: Storage
  readonly uploads: Uploads
}

/** Opens the files of vaults. */
export function createFiles({ store, blobs, clock, limits, book, storage, uploads }: FilesOptions): Files {
  function admit({ files }: VaultRecord, coming: number): Refusal | null {
    const { filesPerVault: most } = limits
    return most !== null && files + coming >= most ? TOO_MANY : null
  }

  async function find(vault: string, id: string): Promise<FileRecord | Refusal> {
    const number = itemNumber('fil', vault, id)
    const entry = number === null ? null : await store.get(keys.file(vault, number))
    const record = entry && fileOf(entry)
    return record === null || record.deletedAt !== null ? NOT_FOUND : record
  }

  async function findLive(vault: string, id: string): Promise<FileRecord | Refusal> {
    const held = await book.open(vault)
    return isRefusal(held) ? held : find(vault, id)
  }

  return {
    async add(id, file) {
      const { name, mimeType, body, size } = readNewFile(file)
      const incoming = { kind: 'file', body, size, maxBytes: limits.fileBytes, admit } as const
      return uploads.receive<FileStub>(id, incoming, (vault, { blob, size, sha256 }) => {
        const number = vault.lastFile + 1
        const stub = { id: itemId('fil', vault.id, number), name, mimeType, size, sha256, createdAt: clock() }
        const record: FileRecord = { ...stub, blob, deletedAt: null }
        return {
          vault: { ...vault, files: vault.files + 1, lastFile: number, bytes: vault.bytes + size },
          writes: [{ ...fileRow(vault.id, number, record), if: 'absent' }],
          done: () => stub,
        }
      })
    },

    async get(vault, id) {
      const record = await findLive(vault, id)
      return isRefusal(record) ? record : stubOf(record)
    },

    async open(vault, id, range) {
      const record = await findLive(vault, id)
      if (isRefusal(record)) return record
      if (range !== undefined) checkRange(range, record.size)
      const body = await blobs.open(record.blob, range)
      if (body !== null) return { file: stubOf(record), body }
      // It may have been deleted since the record of it was read.
      const now = await findLive(vault, id)
      if (isRefusal(now)) return now
      throw new CofferError('store-failed', 'the blob of a file is missing')
    },

    delete: (id, fileId) =>
      storage.inTurn(() =>
        book.change<null>(id, async ({ vault }) => {
          const record = await find(id, fileId)
          if (isRefusal(record)) return record
          const { blob, size } = record
          const number = itemNumber('fil', id, fileId) ?? 0
          const now = clock()
          const room = await storage.measure()
          // The manifest of a sealed vault names every file that there was when it was sealed.
          const row: Write =
            vault.sealedAt === null
              ? { key: keys.file(id, number), value: null }
              : fileRow(id, number, { ...record, deletedAt: now })
          return {
            vault: { ...vault, files: vault.files - 1, bytes: vault.bytes - size },
            writes: [row, enqueue(blobJob(id, blob), now), ...room.taking(-size)],
            done: () => null,
          }
        }),
      ),

    async *list(vault) {
      for await (const entry of scan(store, prefixRange(keys.files(vault)))) yield fileOf(entry)
    },
  }
}

/** Reads the row of a file. */
export function fileOf({ value }: Entry): FileRecord {
  return value as unknown as FileRecord
}

/** What callers see of a file. */
export function stubOf({ id, name, mimeType, size, sha256, createdAt }: FileRecord): FileStub {
  return { id, name, mimeType, size, sha256, createdAt }
}

function fileRow(vault: string, number: number, record: FileRecord): Write {
  return { key: keys.file(vault, number), value: record as unknown as JsonObject }
}

function checkRange({ start, end }: BlobRange, size: number): void {
  const isWithin =
    Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end < size
  if (!isWithin) invalidOption('range', `bytes within 0 to ${size - 1}`, `${start} to ${end}`)
}

const TOO_MANY = refuse('files-per-vault-exceeded', 'The vault holds as many files as it may.')
const NOT_FOUND = refuse('file-not-found', 'There is no such file in the vault.')
