import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../lib/clock.ts'
import { enqueue } from '../settlement/outbox.ts'
import type { Attempt, JobHandler } from '../settlement/worker.ts'
import { keys } from '../stores/keys.ts'
import { type Entry, prefixRange, type Store, type Write } from '../stores/store.ts'
import { documentBlob } from './documents.ts'
import { expireJob } from './expiry-jobs.ts'
import { fileOf } from './files.ts'
import type { Lifecycle } from './lifecycle.ts'
import { tombstoneRow, type VaultRecord } from './vault.ts'
import type { HeldVault, VaultBook } from './vault-book.ts'

/** What the worker runs for vaults. */
export interface VaultHandlers {
  /** Tells that a vault is about to expire. */
  readonly 'vault-expiring': JobHandler
  /** Ends a vault and purges what it held. */
  readonly 'vault-expire': JobHandler
  /** Deletes a blob that belongs to nothing. */
  readonly 'vault-blob': JobHandler
}

/** What {@link createVaultHandlers} stands on. */
export interface VaultHandlersOptions {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly book: VaultBook
  readonly lifecycle: Lifecycle
  /** How long it is remembered that there was a vault, milliseconds. */
  readonly tombstoneMs: number
}

/** Rows that are deleted in one commit. */
const STEP = 50
/** Commits of one run of a job, whose lease is short. */
const STEPS_PER_RUN = 20
/** How long the events of an expired vault stay, so that its readers see the last one. */
const LAST_WORDS_MS = 60_000

/** Makes what the worker runs for vaults. */
export function createVaultHandlers(options: VaultHandlersOptions): VaultHandlers {
  const { store, blobs, clock, book, lifecycle, tombstoneMs } = options

  /** The next rows to delete, whose blobs are gone then; `null` when there is nothing more. */
  async function nextStep({ id, ending, endedAt }: VaultRecord): Promise<readonly Write[] | number | null> {
    const held = await page(keys.files(id), keys.documents(id))
    for (const entry of held) {
      const blob = entry.key.startsWith(keys.files(id)) ? fileOf(entry).blob : documentBlob(entry)
      if (blob !== null) await blobs.delete(blob)
    }
    if (held.length > 0) return held.map(deletion)
    const tokens = await page(keys.accessToken(id, ''))
    if (tokens.length > 0) return tokens.map(deletion)
    const quietAt = (endedAt ?? 0) + LAST_WORDS_MS
    if (ending === 'expired' && quietAt > clock()) return quietAt
    const events = await page(keys.vaultEvents(id))
    return events.length > 0 ? events.map(deletion) : null
  }

  /** The first rows under the first of some prefixes that has any. */
  async function page(...prefixes: readonly string[]): Promise<readonly Entry[]> {
    for (const prefix of prefixes) {
      const entries = await store.list(prefixRange(prefix), { limit: STEP })
      if (entries.length > 0) return entries
    }
    return []
  }

  async function purge({ vault, version }: HeldVault): Promise<Attempt> {
    for (let steps = 0; steps < STEPS_PER_RUN; steps++) {
      const step = await nextStep(vault)
      if (step === null) {
        const until = (vault.endedAt ?? clock()) + tombstoneMs
        return { ended: 'done', writes: [tombstoneRow(vault, version, until)] }
      }
      if (typeof step === 'number') {
        return { ended: 'later', error: 'readers still have to see its last event', dueAt: step }
      }
      await store.commit(step)
    }
    // A new row, not this one again: each run starts with all its attempts.
    return { ended: 'done', writes: [enqueue(expireJob(vault.id), clock())] }
  }

  return {
    async 'vault-expiring'({ data }) {
      await lifecycle.warn(String(data['vault']))
      return { ended: 'done' }
    },

    async 'vault-expire'({ data }) {
      const id = String(data['vault'])
      await lifecycle.expire(id)
      const held = await book.find(id)
      // Extended or persisted meanwhile: another row says when, or none.
      if (held === null || held.vault.endedAt === null) return { ended: 'done' }
      return purge(held)
    },

    async 'vault-blob'({ data }) {
      const blob = String(data['blob'])
      await blobs.delete(blob)
      return { ended: 'done', writes: [{ key: keys.vaultUpload(String(data['vault']), blob), value: null }] }
    },
  }
}

const deletion = ({ key }: Entry): Write => ({ key, value: null })
