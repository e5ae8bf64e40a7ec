import type { Clock } from '../lib/clock.ts'
import { createTurns } from '../lib/turns.ts'
import { CofferError } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { Bus } from '../stores/bus.ts'
import { keys } from '../stores/keys.ts'
import type { Store, Version, Write } from '../stores/store.ts'
import { isVaultId } from './new-vault.ts'
import { hasEnded, type VaultRecord, vaultOf, vaultRow } from './vault.ts'

/** A vault as it was read. */
export interface HeldVault {
  readonly vault: VaultRecord
  readonly version: Version
}

/** What becomes of a vault, all in one commit. */
export interface VaultChange<Result> {
  readonly vault: VaultRecord
  /** What else is written. */
  readonly writes: readonly Write[]
  /** What the change comes to, once it is committed under a version. */
  readonly done: (version: Version) => Result
}

/** There is nothing to change, and nothing is written. */
export interface Unchanged<Result> {
  readonly unchanged: Result
}

/** Decides on a change. Asked again, with the vault as it is then, when anything has changed meanwhile. */
export type VaultStep<Result> = (
  held: HeldVault,
) => Promise<VaultChange<Result> | Unchanged<Result> | Refusal>

/** The rows of vaults. Everything that is written to a vault is a commit with its row. */
export interface VaultBook {
  /** The row of a vault, also of one that has ended. */
  find(id: string): Promise<HeldVault | null>
  /** A vault that has not ended. */
  open(id: string): Promise<HeldVault | Refusal>
  /**
   * Reads what a vault holds, whole or not at all: when it has ended meanwhile, some of it may be gone, and what was read or
   * went wrong does not count.
   */
  readWhole<Result>(
    id: string,
    read: (held: HeldVault) => Promise<Result | Refusal>,
  ): Promise<Result | Refusal>
  /** Changes a vault that has not ended, and wakes its readers. */
  change<Result>(id: string, step: VaultStep<Result>): Promise<Result | Refusal>
  /** {@link change} for a vault that may have ended. */
  changeAny<Result>(id: string, step: VaultStep<Result>): Promise<Result | Refusal>
}

/** What a {@link VaultBook} stands on. */
export interface VaultBookOptions {
  readonly store: Store
  readonly clock: Clock
  readonly bus: Bus | null
}

/** Each try that fails is one that somebody else has succeeded in. */
const MAX_TRIES = 1000

/** What readers of a vault are woken by. */
export function topicOf(vault: string): string {
  return `vault:${vault}`
}

/** Opens the rows of vaults. */
export function createVaultBook({ store, clock, bus }: VaultBookOptions): VaultBook {
  /** Writers within this process take turns, so that only other processes can come between. */
  const inTurn = createTurns()

  async function find(id: string): Promise<HeldVault | null> {
    const entry = isVaultId(id) ? await store.get(keys.vault(id)) : null
    return entry && { vault: vaultOf(entry), version: entry.version }
  }

  async function open(id: string): Promise<HeldVault | Refusal> {
    const held = await find(id)
    if (held === null || held.vault.ending === 'deleted') return NOT_FOUND
    return hasEnded(held.vault, clock()) ? EXPIRED : held
  }

  async function readWhole<Result>(
    id: string,
    read: (held: HeldVault) => Promise<Result | Refusal>,
  ): Promise<Result | Refusal> {
    const held = await open(id)
    if (isRefusal(held)) return held
    const [result] = await Promise.allSettled([read(held)])
    const after = await open(id)
    if (isRefusal(after)) return after
    if (result.status === 'rejected') throw result.reason
    return result.value
  }

  async function attempt<Result>(
    read: () => Promise<HeldVault | Refusal>,
    step: VaultStep<Result>,
  ): Promise<Result | Refusal> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const held = await read()
      if (isRefusal(held)) return held
      const change = await step(held)
      if (isRefusal(change)) return change
      if ('unchanged' in change) return change.unchanged
      const row = vaultRow(change.vault, { version: held.version })
      const version = await store.commit([row, ...change.writes])
      if (version === null) continue
      // A wake-up that is lost costs a reader some time, and no event.
      bus?.publish(topicOf(change.vault.id)).catch(() => {})
      return change.done(version)
    }
    throw new CofferError('store-failed', 'the vault changes too fast to be changed')
  }

  return {
    find,
    open,
    readWhole,
    change: (id, step) => inTurn(id, () => attempt(() => open(id), step)),
    changeAny: (id, step) => inTurn(id, () => attempt(async () => (await find(id)) ?? NOT_FOUND, step)),
  }
}

const NOT_FOUND = refuse('vault-not-found', 'There is no such vault.')
const EXPIRED = refuse('vault-expired', 'The vault has expired.')
const SEALED = refuse('vault-sealed', 'The vault is sealed: nothing can be added to it.')

/** Why nothing can be added to a vault that has not ended; `null` when it can. */
export function closedTo({ vault }: HeldVault): Refusal | null {
  return vault.sealedAt === null ? null : SEALED
}
