import type { JsonObject } from '../lib/json.ts'
import { dequeue, enqueue, type Job } from '../settlement/outbox.ts'
import { keys } from '../stores/keys.ts'
import type { Version, Write } from '../stores/store.ts'
import type { UploadRecord } from './storage.ts'

/** Room that is held for bytes on their way, as it was written last. */
export interface Hold {
  readonly upload: UploadRecord
  readonly version: Version
  /** When the room is free again, should nobody be heard of. */
  readonly expiresAt: number
}

/** How long an upload may be silent. */
export const HOLD_MS = 600_000
/** The blob outlives the hold: machines have different clocks. */
const MARGIN_MS = 60_000

/** The promise to delete a blob that belongs to nothing, or may not: an upload takes it back when it succeeds. */
export function blobJob(vault: string, blob: string): Pick<Job, 'id' | 'kind' | 'data'> {
  return { id: `vault-blob:${blob}`, kind: 'vault-blob', data: { vault, blob } }
}

/** The rows of a new hold. */
export function holdWrites(upload: UploadRecord, expiresAt: number): readonly Write[] {
  return [
    { ...uploadRow(upload, expiresAt), if: 'absent' },
    enqueue(blobJob(upload.vault, upload.blob), expiresAt + MARGIN_MS),
  ]
}

/** The rows of a hold that goes on, perhaps with more room. */
export function renewWrites(hold: Hold, upload: UploadRecord, expiresAt: number): readonly Write[] {
  const job = enqueue(blobJob(upload.vault, upload.blob), expiresAt + MARGIN_MS)
  const condition = { version: hold.version }
  const row: Write = { ...uploadRow(upload, expiresAt), if: condition }
  if (expiresAt === hold.expiresAt) return [row, { ...job, if: condition }]
  return [row, { ...oldJob(hold), if: condition }, job]
}

/** The rows that end a hold. They do not stand when it has lapsed, or when the worker is about to delete its blob. */
export function endWrites(hold: Hold): readonly Write[] {
  const { vault, blob } = hold.upload
  const condition = { version: hold.version }
  return [
    { key: keys.vaultUpload(vault, blob), value: null, if: condition },
    { ...oldJob(hold), if: condition },
  ]
}

function oldJob({ upload, expiresAt }: Hold): Write {
  return dequeue(blobJob(upload.vault, upload.blob).id, expiresAt + MARGIN_MS)
}

function uploadRow(upload: UploadRecord, expiresAt: number): Write {
  return {
    key: keys.vaultUpload(upload.vault, upload.blob),
    value: upload as unknown as JsonObject,
    expiresAt,
  }
}
