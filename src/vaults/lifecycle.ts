import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { enqueue } from '../settlement/outbox.ts'
import { keys } from '../stores/keys.ts'
import type { Write } from '../stores/store.ts'
import { readText } from './content.ts'
import { expireJob, expiryJobs, WARNING_MS, withoutExpiryJobs } from './expiry-jobs.ts'
import type { Limits } from './limits.ts'
import { expiryOf } from './new-vault.ts'
import type { Storage } from './storage.ts'
import { hasEnded, type VaultFacts, type VaultInfo, type VaultRecord, vaultInfo } from './vault.ts'
import { closedTo, type HeldVault, type VaultBook, type VaultChange } from './vault-book.ts'
import type { VaultCounts } from './vault-counts.ts'
import { type Appended, append, eventText, type SystemEvent } from './vault-event.ts'
import { vaultNews } from './vault-news.ts'

/** Tells the world what became of a vault, in the same commit: the rows to write. */
export type AnnounceVault = (type: SystemEvent, facts: VaultFacts) => readonly Write[]

/** What becomes of vaults as a whole. */
export interface Lifecycle {
  /** Nothing can be added any more; readers of its events come to their end. */
  seal(vault: string, summary?: string): Promise<VaultInfo | Refusal>
  /** The vault never expires. */
  persist(vault: string): Promise<VaultInfo | Refusal>
  /** The vault ends so many hours from now, not later and not sooner. */
  extend(vault: string, ttlHours: number): Promise<VaultInfo | Refusal>
  /** The vault is gone at once; the outbox purges what it held. */
  delete(vault: string): Promise<null | Refusal>
  /** Ends a vault whose time has come; leaves every other alone. */
  expire(vault: string): Promise<null | Refusal>
  /** Tells, once, that a vault is about to expire; leaves every other alone. */
  warn(vault: string): Promise<null | Refusal>
}

/** What {@link createLifecycle} stands on. */
export interface LifecycleOptions {
  readonly clock: Clock
  readonly limits: Limits
  readonly book: VaultBook
  readonly storage: Storage
  readonly counts: VaultCounts
  readonly announce: AnnounceVault
  readonly notifier: Notifier
}

const MAX_SUMMARY = 4000

/** Makes what moves vaults through their life. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { clock, limits, book, storage, counts, announce, notifier } = options

  /** Adds an event of our own, unless the vault is sealed: nothing comes after `vault.sealed`. */
  function tell(
    vault: VaultRecord,
    type: SystemEvent,
    facts: VaultFacts,
    now: number,
  ): Pick<Appended, 'vault'> & { readonly writes: readonly Write[] } {
    const announced = [...announce(type, facts), ...vaultNews(notifier, type, vault)]
    if (vault.sealedAt !== null) return { vault, writes: announced }
    const { vault: told, row } = append(vault, eventText(type, facts), now)
    return { vault: told, writes: [row, ...announced] }
  }

  async function end(
    { vault }: HeldVault,
    ending: 'expired' | 'deleted',
    now: number,
  ): Promise<VaultChange<null>> {
    const told =
      ending === 'expired'
        ? tell(vault, 'vault.expired', { vaultId: vault.id, expiredAt: vault.expiresAt }, now)
        : { vault, writes: vaultNews(notifier, 'vault.deleted', vault) }
    const room = await storage.measure()
    return {
      vault: { ...told.vault, bytes: 0, endedAt: now, ending },
      writes: [
        ...told.writes,
        { key: keys.activeVault(vault.id), value: null },
        { key: keys.persistedVault(vault.id), value: null },
        ...room.taking(-vault.bytes),
      ],
      done: () => null,
    }
  }

  const seen = (vault: VaultRecord, now: number) => (): VaultInfo => vaultInfo(vault, now)

  return {
    seal(id, text) {
      const summary = text === undefined ? null : readText('summary', text, MAX_SUMMARY)
      return book.change<VaultInfo>(id, async (held) => {
        const closed = closedTo(held)
        if (closed !== null) return closed
        const now = clock()
        const facts = { vaultId: id, summary, sealedAt: now }
        const told = tell(held.vault, 'vault.sealed', facts, now)
        const vault = { ...told.vault, sealedAt: now, summary }
        const writes = [...told.writes, { key: keys.activeVault(id), value: null }]
        return { vault, writes, done: seen(vault, now) }
      })
    },

    persist: (id) =>
      book.change<VaultInfo>(id, async (held) => {
        const { expiresAt } = held.vault
        if (expiresAt === null) return PERSISTED
        const counted = await counts.persist()
        if (isRefusal(counted)) return counted
        const now = clock()
        const vault = { ...held.vault, persistedAt: now, expiresAt: null }
        const writes: readonly Write[] = [
          ...counted,
          { key: keys.persistedVault(id), value: {} },
          { key: keys.activeVault(id), value: null },
          ...withoutExpiryJobs(id, expiresAt),
          ...vaultNews(notifier, 'vault.persisted', vault),
        ]
        return { vault, writes, done: seen(vault, now) }
      }),

    extend: (id, ttlHours) =>
      book.change<VaultInfo>(id, async (held) => {
        const now = clock()
        const until = expiryOf(ttlHours, now, limits)
        if (isRefusal(until)) return until
        const { expiresAt, sealedAt } = held.vault
        if (expiresAt === null) return PERSISTED
        const vault = { ...held.vault, expiresAt: until }
        if (until === expiresAt) return { unchanged: vaultInfo(vault, now) }
        const active: Write = { key: keys.activeVault(id), value: {}, expiresAt: until }
        const writes = [
          ...withoutExpiryJobs(id, expiresAt),
          ...expiryJobs(id, until, now),
          ...vaultNews(notifier, 'vault.extended', vault),
        ]
        return { vault, writes: sealedAt === null ? [active, ...writes] : writes, done: seen(vault, now) }
      }),

    delete: (id) =>
      storage.inTurn(() =>
        book.change<null>(id, async (held) => {
          const now = clock()
          const { expiresAt } = held.vault
          const change = await end(held, 'deleted', now)
          const jobs = expiresAt === null ? [] : withoutExpiryJobs(id, expiresAt)
          return { ...change, writes: [...change.writes, ...jobs, enqueue(expireJob(id), now)] }
        }),
      ),

    expire: (id) =>
      storage.inTurn(() =>
        book.changeAny<null>(id, async (held) => {
          const now = clock()
          const { vault } = held
          if (vault.endedAt !== null || !hasEnded(vault, now)) return { unchanged: null }
          return end(held, 'expired', now)
        }),
      ),

    warn: (id) =>
      book.changeAny<null>(id, async ({ vault }) => {
        const now = clock()
        const { expiresAt } = vault
        const isDue = expiresAt !== null && expiresAt - WARNING_MS <= now && !hasEnded(vault, now)
        if (!isDue || vault.warnedOf === expiresAt) return { unchanged: null }
        const told = tell(vault, 'vault.expiring', { vaultId: id, expiresAt }, now)
        return { vault: { ...told.vault, warnedOf: expiresAt }, writes: told.writes, done: () => null }
      }),
  }
}

const PERSISTED = refuse('vault-already-persisted', 'The vault is persisted: it has no end.')
