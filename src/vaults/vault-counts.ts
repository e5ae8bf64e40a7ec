import { type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { scan } from '../stores/scan.ts'
import { prefixRange, type Store, type Write } from '../stores/store.ts'
import type { Limits } from './limits.ts'

/** How many vaults there are, as far as they are limited. */
export interface VaultCounts {
  /** The writes for a commit that adds an active vault; without a limit there are none. */
  activate(): Promise<readonly Write[] | Refusal>
  /** The writes for a commit that adds a persisted vault; without a limit there are none. */
  persist(): Promise<readonly Write[] | Refusal>
  /** Vaults that count as active now. */
  active(): Promise<number>
  /** Vaults that count as persisted now. */
  persisted(): Promise<number>
}

/** Counts vaults by rows that end with them. */
export function createVaultCounts(store: Store, limits: Limits): VaultCounts {
  async function count(prefix: string): Promise<number> {
    let number = 0
    for await (const _ of scan(store, prefixRange(prefix), 1000)) number++
    return number
  }

  const active = (): Promise<number> => count(keys.activeVault(''))
  const persisted = (): Promise<number> => count(keys.persistedVault(''))

  async function place(
    limit: number | null,
    taken: () => Promise<number>,
    full: Refusal,
  ): Promise<readonly Write[] | Refusal> {
    if (limit === null) return []
    // In this order: a vault that is added between the two changes the guard, and ours does not hold.
    const guard = await store.get(keys.vaultCount)
    if ((await taken()) >= limit) return full
    return [{ key: keys.vaultCount, value: {}, if: guard === null ? 'absent' : { version: guard.version } }]
  }

  return {
    active,
    persisted,
    activate: () => place(limits.activeVaults, active, TOO_MANY),
    persist: () => place(limits.persistedVaults, persisted, TOO_MANY_PERSISTED),
  }
}

const TOO_MANY = refuse('vault-quota-exceeded', 'There are as many active vaults as there may be.')
const TOO_MANY_PERSISTED = refuse(
  'persisted-vault-quota-exceeded',
  'There are as many persisted vaults as there may be.',
)
