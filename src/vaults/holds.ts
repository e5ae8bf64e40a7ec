import { createBlobName } from '../blobs/blob-name.ts'
import type { Clock } from '../lib/clock.ts'
import { sleep } from '../lib/deadline.ts'
import type { Random } from '../lib/id.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Store } from '../stores/store.ts'
import { type Room, type Storage, storageFull, type UploadRecord } from './storage.ts'
import { HOLD_MS, type Hold, holdWrites, renewWrites } from './upload.ts'
import type { VaultRecord } from './vault.ts'
import { closedTo, type VaultBook } from './vault-book.ts'

/** What room is asked for. */
export interface Wanted {
  readonly kind: UploadRecord['kind']
  /** How many bytes there are; `null` when nobody knows yet. */
  readonly size: number | null
  /** Whether the vault takes one more, as far as its own limits go, when so many are on their way already. */
  readonly admit: (vault: VaultRecord, coming: number) => Refusal | null
}

/** Holds room for uploads, so that no byte is taken that there is no room for. */
export interface Holds {
  /** Holds room, before the first byte is read. */
  begin(vault: string, wanted: Wanted): Promise<Hold | Refusal>
  /** Goes on holding room, at least so much. */
  renew(hold: Hold, bytes: number): Promise<Hold | Refusal>
  /** Why a hold is none any more; `null` while it is one. */
  lapsed(hold: Hold): Promise<Refusal | null>
}

/** What {@link createHolds} stands on. */
export interface HoldsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly book: VaultBook
  readonly storage: Storage
}

/** What a body of unknown size is given beyond what it has brought: an eighth of that, within these bounds. */
const MIN_AHEAD = 2 ** 16
const MAX_AHEAD = 2 ** 23
/** How long an upload without room waits for others to end; of two that wait for each other, the younger gives way. */
const PATIENCE_MS = 10_000
const PATIENCE_OF_YOUNGEST_MS = 500
const PATIENCE_STEP_MS = 20

/** Makes what room is held with. */
export function createHolds({ store, clock, random, book, storage }: HoldsOptions): Holds {
  async function countComing(vault: string, kind: UploadRecord['kind']): Promise<number> {
    const entries = await store.list(prefixRange(keys.vaultUpload(vault, '')), { limit: 1000 })
    return entries.filter(({ value }) => value['kind'] === kind).length
  }

  async function lapsed({ upload, version }: Hold): Promise<Refusal | null> {
    const entry = await store.get(keys.vaultUpload(upload.vault, upload.blob))
    return entry?.version === version ? null : LAPSED
  }

  /** Goes on with a hold at once. Otherwise: the room, when it does not do; `null` when somebody has written meanwhile. */
  async function renewNow(hold: Hold, bytes: number): Promise<Hold | Room | null> {
    const room = await storage.measure(hold.upload.blob)
    if (bytes > room.free) return room
    const wanted = bytes > hold.upload.bytes ? bytes + ahead(bytes, room.free) : hold.upload.bytes
    const upload = { ...hold.upload, bytes: wanted }
    const expiresAt = clock() + HOLD_MS
    const version = await store.commit([...renewWrites(hold, upload, expiresAt), ...room.taking(0)])
    return version === null ? null : { upload, version, expiresAt }
  }

  return {
    lapsed,

    begin: (vault, { kind, size, admit }) =>
      storage.inTurn(() =>
        book.change<Hold>(vault, async (held) => {
          const closed = closedTo(held) ?? admit(held.vault, await countComing(vault, kind))
          if (closed !== null) return closed
          const room = await storage.measure()
          const bytes = size ?? Math.max(ahead(0, room.free), 0)
          if (bytes > room.free) return storageFull(bytes)
          const now = clock()
          const upload: UploadRecord = { vault, blob: createBlobName(random), kind, bytes, startedAt: now }
          const expiresAt = now + HOLD_MS
          return {
            vault: held.vault,
            writes: [...holdWrites(upload, expiresAt), ...room.taking(0)],
            done: (version) => ({ upload, version, expiresAt }),
          }
        }),
      ),

    async renew(hold, bytes) {
      for (let waited = 0; ; ) {
        const renewed = await storage.inTurn(() => renewNow(hold, bytes))
        if (renewed === null) {
          const why = await lapsed(hold)
          if (why !== null) return why
        } else if ('upload' in renewed) {
          return renewed
        } else {
          if (waited >= patience(hold.upload, renewed.others)) return storageFull(bytes)
          await sleep(PATIENCE_STEP_MS)
          waited += PATIENCE_STEP_MS
        }
      }
    },
  }
}

/** How much a body of unknown size is given ahead: less when there is little left for others. */
function ahead(bytes: number, free: number): number {
  const wish = Math.min(Math.max(bytes / 8, MIN_AHEAD), MAX_AHEAD)
  return Math.floor(Math.min(wish, (free - bytes) / 4))
}

/** How long an upload without room waits. */
function patience(upload: UploadRecord, others: readonly UploadRecord[]): number {
  if (others.length === 0) return 0
  return others.some((other) => isYounger(other, upload)) ? PATIENCE_MS : PATIENCE_OF_YOUNGEST_MS
}

function isYounger(upload: UploadRecord, other: UploadRecord): boolean {
  if (upload.startedAt !== other.startedAt) return upload.startedAt > other.startedAt
  return upload.blob > other.blob
}

const LAPSED = refuse('upload-timeout', 'The upload was silent for too long. Send it again.')
