import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../lib/clock.ts'
import { CofferError } from '../problems/error.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import type { Store } from '../stores/store.ts'
import type { Holds, Wanted } from './holds.ts'
import { type Storage, storageFull } from './storage.ts'
import { endWrites, type Hold } from './upload.ts'
import { createMeter, tooLarge } from './upload-meter.ts'
import type { VaultRecord } from './vault.ts'
import { closedTo, type HeldVault, type VaultBook, type VaultChange } from './vault-book.ts'

/** Bytes on their way into a vault. */
export interface Incoming extends Wanted {
  readonly body: ReadableStream<Uint8Array>
  /** Most bytes that are taken; `null` for any number. */
  readonly maxBytes: number | null
}

/** Bytes that have arrived, and are stored under a name that nothing else refers to. */
export interface Arrived {
  readonly blob: string
  readonly size: number
  /** In lower-case hexadecimal. */
  readonly sha256: string
}

/** Makes the change of a vault that follows from bytes that have arrived. */
export type RecordArrived<Result> = (vault: VaultRecord, arrived: Arrived) => VaultChange<Result>

/** Brings bytes into vaults: room first, then the bytes, then the record of them. */
export interface Uploads {
  /**
   * Stores bytes and then changes the vault. When that is refused, or anything fails, the bytes are as if they had never
   * come; when this process dies, the outbox deletes them.
   *
   * @param record - Asked again like every step of {@link VaultBook.change}.
   * @throws What the body throws.
   */
  receive<Result>(vault: string, incoming: Incoming, record: RecordArrived<Result>): Promise<Result | Refusal>
}

/** What {@link createUploads} stands on. */
export interface UploadsOptions {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly book: VaultBook
  readonly storage: Storage
  readonly holds: Holds
}

/** Makes what documents and files are uploaded with. */
export function createUploads({ store, blobs, clock, book, storage, holds }: UploadsOptions): Uploads {
  function begin(vault: string, incoming: Incoming): Promise<Hold | Refusal> | Refusal {
    const { size, maxBytes } = incoming
    return size !== null && maxBytes !== null && size > maxBytes
      ? tooLarge(maxBytes)
      : holds.begin(vault, incoming)
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

  async function finish<Result>(
    held: HeldVault,
    hold: Hold,
    arrived: Arrived,
    { admit }: Incoming,
    record: RecordArrived<Result>,
  ): Promise<VaultChange<Result> | Refusal> {
    const refusal = closedTo(held) ?? admit(held.vault, 0) ?? (await holds.lapsed(hold))
    if (refusal !== null) return refusal
    const room = await storage.measure(hold.upload.blob)
    if (arrived.size > room.free) return storageFull(arrived.size)
    const change = record(held.vault, arrived)
    return { ...change, writes: [...change.writes, ...endWrites(hold), ...room.taking(arrived.size)] }
  }

  return {
    async receive(vault, incoming, record) {
      const begun = await begin(vault, incoming)
      if (isRefusal(begun)) {
        await incoming.body.cancel().catch(() => {})
        return begun
      }
      const meter = createMeter(begun, incoming.maxBytes, clock, holds.renew)
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
      const result = await storage.inTurn(() =>
        book.change(vault, (held) => finish(held, hold, arrived, incoming, record)),
      )
      if (isRefusal(result)) await discard(hold)
      return result
    },
  }
}
