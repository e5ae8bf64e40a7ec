import { createTurns } from '../lib/turns.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { scan } from '../stores/scan.ts'
import { type Entry, prefixRange, type Store, type Write } from '../stores/store.ts'
import { vaultOf } from './vault.ts'

/** Bytes on their way into a vault, as the store keeps them: room that is held for them. */
export interface UploadRecord {
  readonly vault: string
  /** Name of the blob that they become. */
  readonly blob: string
  readonly kind: 'document' | 'file'
  /** How much room is held. */
  readonly bytes: number
  readonly startedAt: number
}

/** How much room there is at one moment. */
export interface Room {
  /** Bytes that nobody has or holds; infinite without a limit. */
  readonly free: number
  /** Others that hold room; empty without a limit. */
  readonly others: readonly UploadRecord[]
  /**
   * The writes for a commit after which there are so many bytes more, or less. They hold only when nobody has taken room
   * since this was measured.
   */
  taking(bytes: number): readonly Write[]
}

/** What all vaults hold together. */
export interface Storage {
  /** Measures the room for somebody, who may hold some of it already under the name of a blob. */
  measure(own?: string): Promise<Room>
  /**
   * Runs what takes room, or gives it back, after whoever was before in this process: of two at once, one would have to start
   * again. Without a limit, nobody waits.
   */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>
  /** Bytes of all documents and files. Without a limit this reads every vault. */
  used(): Promise<number>
}

/**
 * Measures what is stored. With a limit, one row holds the sum, and every commit that takes room writes it. Without one
 * that row would only be in the way: it is left out, and made anew from the vaults when there is a limit again.
 */
export function createStorage(store: Store, limit: number | null): Storage {
  /** The row of the sum; `null` when there is none, or none to rely on. */
  async function findSum(): Promise<Entry | null> {
    return limit === null ? null : store.get(keys.vaultBytes)
  }

  const turns = createTurns()

  async function bytesOf(sum: Entry | null): Promise<number> {
    if (sum !== null) return Number(sum.value['bytes'])
    let bytes = 0
    for await (const entry of scan(store, prefixRange(keys.vault('')), 1000)) bytes += vaultOf(entry).bytes
    return bytes
  }

  return {
    used: async () => bytesOf(await findSum()),

    inTurn: (work) => (limit === null ? work() : turns(keys.vaultBytes, work)),

    async measure(own) {
      if (limit === null) {
        const forget: Write = { key: keys.vaultBytes, value: null }
        return { free: Number.POSITIVE_INFINITY, others: [], taking: () => [forget] }
      }
      // In this order: who takes room after the sum was read changes its version, and what we write does not hold.
      const sum = await findSum()
      const bytes = await bytesOf(sum)
      const others: UploadRecord[] = []
      for await (const entry of scan(store, prefixRange(keys.vaultUploads), 1000)) {
        if (uploadOf(entry).blob !== own) others.push(uploadOf(entry))
      }
      const held = others.reduce((total, upload) => total + upload.bytes, 0)
      return {
        free: limit - bytes - held,
        others,
        taking: (taken) => [
          {
            key: keys.vaultBytes,
            value: { bytes: bytes + taken },
            if: sum === null ? 'absent' : { version: sum.version },
          },
        ],
      }
    },
  }
}

/** Reads the row of an upload. */
function uploadOf({ value }: Entry): UploadRecord {
  return value as unknown as UploadRecord
}

/** Why there is no room for so many bytes. */
export function storageFull(bytes: number): Refusal {
  return refuse('storage-quota-exceeded', 'There is no room for it. Delete files or vaults.', {
    got: `${bytes} bytes`,
  })
}
