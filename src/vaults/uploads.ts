import { createBlobName } from '../blobs/blob-name.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../lib/clock.ts'
import { sleep } from '../lib/deadline.ts'
import type { Random } from '../lib/id.ts'
import { CofferError } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Store } from '../stores/store.ts'
import { type Storage, storageFull, type UploadRecord } from './storage.ts'
import { endWrites, HOLD_MS, type Hold, holdWrites, renewWrites } from './upload.ts'
import { createMeter, tooLarge } from './upload-meter.ts'
import type { VaultRecord } from './vault.ts'
import { closedTo, type HeldVault, type VaultBook, type VaultChange } from './vault-book.ts'

/** Bytes on their way into a vault. */
export interface Incoming {
  readonly kind: UploadRecord['kind']
  readonly body: ReadableStream<Uint8Array>
  /** How many bytes there are; `null` when nobody knows yet. */
  readonly size: number | null
  /** Most bytes that are taken; `null` for any number. */
  readonly maxBytes: number | null
  /** Whether the vault takes one more, as far as its own limits go. Asked before the bytes and after them. */
  readonly admit: (vault: VaultRecord, alreadyComing: number) => Refusal | null
}

/** Bytes that have arrived, and are stored under a name that nothing else refers to. */
export interface Arrived {
  readonly blob: string
  readonly size: number
  /** In lower-case hexadecimal. */
  readonly sha256: string
}

/** Brings bytes into vaults: room first, then the bytes, then the record of them. */
export interface Uploads {
  /**
   * Stores bytes and then changes the vault. When that is refused, or anything fails, the bytes are as if they had never
   * come; when this process dies, the outbox deletes them.
   *
   * @param record - What becomes of the vault; asked again like every step of {@link VaultBook.change}.
   * @throws What the body throws.
   */
  receive<Result>(
    vault: string,
    incoming: Incoming,
    record: (vault: VaultRecord, arrived: Arrived) => VaultChange<Result>,
  ): Promise<Result | Refusal>
}

/** What {@link createUploads} stands on. */
export interface UploadsOptions {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly book: VaultBook
  readonly storage: Storage
}

/** What a body of unknown size is given at once: as much as it has brought, within these bounds. */
const MIN_STEP = 2 ** 20
const MAX_STEP = 2 ** 26
/** How long an upload without room waits for younger ones to end. */
const PATIENCE_MS = 10_000
const PATIENCE_STEP_MS = 50

/** Makes what documents and files are uploaded with. */
export function createUploads({ store, blobs, clock, random, book, storage }: UploadsOptions): Uploads {
  /** Holds room, before the first byte is read. */
  function begin(vault: string, incoming: Incoming): Promise<Hold | Refusal> {
    const { kind, size, maxBytes, admit } = incoming
    return book.change<Hold>(vault, async (held) => {
      const closed = closedTo(held) ?? admit(held.vault, await countComing(vault, kind))
      if (closed !== null) return closed
      if (size !== null && maxBytes !== null && size > maxBytes) return tooLarge(maxBytes)
      const room = await storage.measure()
      const bytes = size ?? Math.min(MIN_STEP, Math.max(room.free, 0))
      if (bytes > room.free) return storageFull(bytes)
      const now = clock()
      const upload: UploadRecord = { vault, blob: createBlobName(random), kind, bytes, startedAt: now }
      const expiresAt = now + HOLD_MS
      return {
        vault: held.vault,
        writes: [...holdWrites(upload, expiresAt), ...room.taking(0)],
        done: (version) => ({ upload, version, expiresAt }),
      }
    })
  }

  async function countComing(vault: string, kind: UploadRecord['kind']): Promise<number> {
    const entries = await store.list(prefixRange(keys.vaultUpload(vault, '')), { limit: 1000 })
    return entries.filter(({ value }) => value['kind'] === kind).length
  }

  /** Goes on holding room, at least so much. */
  async function renew(hold: Hold, bytes: number): Promise<Hold | Refusal> {
    for (let waited = 0; ; ) {
      const room = await storage.measure(hold.upload.blob)
      if (bytes > room.free) {
        const isYoungest = !room.others.some((other) => isYounger(other, hold.upload))
        if (isYoungest || waited >= PATIENCE_MS) return storageFull(bytes)
        await sleep(PATIENCE_STEP_MS)
        waited += PATIENCE_STEP_MS
        continue
      }
      const step = Math.min(Math.max(bytes, MIN_STEP), MAX_STEP)
      const wanted = bytes > hold.upload.bytes ? Math.min(bytes + step, room.free) : hold.upload.bytes
      const upload = { ...hold.upload, bytes: wanted }
      const expiresAt = clock() + HOLD_MS
      const version = await store.commit([...renewWrites(hold, upload, expiresAt), ...room.taking(0)])
      if (version !== null) return { upload, version, expiresAt }
      if (!(await stands(hold))) return LAPSED
    }
  }

  async function stands({ upload, version }: Hold): Promise<boolean> {
    return (await store.get(keys.vaultUpload(upload.vault, upload.blob)))?.version === version
  }

  /** Gives the room back. Should that fail, the outbox does it later. */
  async function discard(hold: Hold): Promise<void> {
    try {
      await blobs.delete(hold.upload.blob)
      await store.commit(endWrites(hold))
    } catch {
      // Whoever called has a better error to report.
    }
  }

  return {
    async receive(vault, incoming, record) {
      const begun = await begin(vault, incoming)
      if (isRefusal(begun)) {
        await incoming.body.cancel().catch(() => {})
        return begun
      }
      const meter = createMeter(begun, incoming.maxBytes, clock, renew)
      const metered = incoming.body.pipeThrough(meter.transform)
      try {
        const size = await blobs.put(begun.upload.blob, metered)
        if (size !== meter.size()) throw new CofferError('store-failed', 'the blob store has lost bytes')
      } catch (error) {
        await metered.cancel().catch(() => {})
        await discard(meter.hold())
        const refusal = meter.refusal()
        if (refusal !== null) return refusal
        throw error
      }
      const hold = meter.hold()
      const arrived: Arrived = { blob: hold.upload.blob, size: meter.size(), sha256: meter.sha256() }
      // When this throws, nobody knows whether it was committed: the outbox deletes the blob only if it was not.
      const result = await book.change(vault, (held) => finish(held, hold, incoming, record, arrived))
      if (isRefusal(result)) await discard(hold)
      return result
    },
  }

  async function finish<Result>(
    held: HeldVault,
    hold: Hold,
    { admit }: Incoming,
    record: (vault: VaultRecord, arrived: Arrived) => VaultChange<Result>,
    arrived: Arrived,
  ): Promise<VaultChange<Result> | Refusal> {
    const closed = closedTo(held) ?? admit(held.vault, 0)
    if (closed !== null) return closed
    if (!(await stands(hold))) return LAPSED
    const room = await storage.measure(hold.upload.blob)
    if (arrived.size > room.free) return storageFull(arrived.size)
    const change = record(held.vault, arrived)
    return { ...change, writes: [...change.writes, ...endWrites(hold), ...room.taking(arrived.size)] }
  }
}

/** So that of two uploads that want the same room, the same one always gives way. */
function isYounger(upload: UploadRecord, other: UploadRecord): boolean {
  if (upload.startedAt !== other.startedAt) return upload.startedAt > other.startedAt
  return upload.blob > other.blob
}

const LAPSED = refuse('upload-timeout', 'The upload was silent for too long. Send it again.')
