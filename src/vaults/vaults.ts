import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { granted } from '../problems/refused.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Write } from '../stores/store.ts'
import type { VaultHandlers } from './expiry.ts'
import type { Limits } from './limits.ts'
import {
  draftVault,
  isVaultId,
  type NewVault,
  type VaultDraft,
  type VaultOrigin,
  vaultIdOf,
} from './new-vault.ts'
import type { Jwks } from './signing-keys.ts'
import { hasEnded, type VaultInfo, vaultInfo, vaultOf } from './vault.ts'
import { createVaultCore, type VaultCore, type VaultsOptions } from './vault-core.ts'
import { createVaultHandle, type Vault } from './vault-handle.ts'
import { vaultNews } from './vault-news.ts'

/** Which part of all vaults to read. */
export interface VaultPage {
  /** At most this many, 1 to 500. Default 100. */
  readonly limit?: number
  /** Where the page before ended: its {@link VaultList.cursor}. */
  readonly cursor?: string
}

/** A page of vaults, in the order of their ids. */
export interface VaultList {
  readonly vaults: readonly VaultInfo[]
  /** Where the next page begins; `null` when this is the last. */
  readonly cursor: string | null
}

/** How much is kept, and how much may be. */
export interface VaultUsage {
  readonly activeVaults: number
  readonly persistedVaults: number
  /** Bytes of documents and files. */
  readonly storageBytes: number
  readonly limits: Limits
}

/** What a seller does with vaults outside of a request. */
export interface VaultShelf {
  /**
   * Makes a vault.
   *
   * @throws CofferError `refused` for a limit, or when the payment has a vault, or is about to make one; `invalid-option`
   * for a wrong member.
   */
  create(options?: NewVault): Promise<Vault>
  /** How a vault stands; `null` when there is none of this id, or none any more. */
  get(id: string): Promise<VaultInfo | null>
  /** A vault to work in. Does not ask whether there is one of this id: its methods do. */
  open(id: string): Vault
  /**
   * Vaults that have not ended. A page may be shorter than its limit.
   *
   * @throws CofferError `invalid-option` for a limit or cursor that is none.
   */
  list(page?: VaultPage): Promise<VaultList>
  /** Reads every vault when storage is not limited. */
  usage(): Promise<VaultUsage>
  /** Public keys that signed manifests are verified with, to publish. Holds one for every secret of the configuration. */
  jwks(): Promise<Jwks>
}

/** Vaults, bound to a configuration. */
export interface Vaults extends VaultShelf {
  /** Refuses by value. */
  readonly core: VaultCore
  readonly limits: Limits
  /** {@link get}, refusing by value. */
  find(id: string): Promise<VaultInfo | Refusal>
  /** {@link create}, refusing by value. */
  add(options: NewVault & VaultOrigin): Promise<VaultInfo | Refusal>
  /** A new vault, as writes for somebody's commit. Vaults are not counted: see {@link reserve}. */
  draft(options: NewVault & VaultOrigin): VaultDraft | Refusal
  /**
   * Keeps a place for a vault that a {@link draft} will make, so that a limit refuses before money has moved: the writes
   * for the commit of the claim. They hold only when no other vault was added meanwhile. No writes without a limit.
   *
   * @param forMs - How long the place is kept, should the vault not be made.
   */
  reserve(id: string, forMs: number): Promise<readonly Write[] | Refusal>
  /** What the worker runs. */
  readonly handlers: VaultHandlers
}

const MAX_PAGE = 500

/** Binds vaults to a configuration. */
export function createVaults(options: VaultsOptions): Vaults {
  const { store, clock, random, limits, notifier } = options
  const core = createVaultCore(options)
  const { book, counts, storage, signingKeys, handlers } = core

  function draft(vault: NewVault & VaultOrigin): VaultDraft | Refusal {
    const drafted = draftVault(vault, { now: clock(), random, limits })
    if (isRefusal(drafted)) return drafted
    return { ...drafted, writes: [...drafted.writes, ...vaultNews(notifier, 'vault.created', drafted.vault)] }
  }

  async function find(id: string): Promise<VaultInfo | Refusal> {
    const held = await book.open(id)
    return isRefusal(held) ? held : vaultInfo(held.vault, clock())
  }

  /** Whether a payment makes its vault itself, and has not: its settlement is one commit, which another vault would undo. */
  async function isAwaited(paymentId: string): Promise<boolean> {
    const entry = await store.get(keys.payment(paymentId))
    const { vault, state } = entry?.value ?? {}
    const isOpen = vault === true && (state === 'claimed' || state === 'unknown')
    return isOpen && (await book.find(vaultIdOf(paymentId))) === null
  }

  async function add(vault: NewVault & VaultOrigin): Promise<VaultInfo | Refusal> {
    for (;;) {
      const drafted = draft(vault)
      if (isRefusal(drafted)) return drafted
      if (vault.paymentId !== undefined && (await isAwaited(vault.paymentId))) return AWAITED
      const counted = await counts.activate()
      if (isRefusal(counted)) return counted
      if ((await store.commit([...drafted.writes, ...counted])) !== null) {
        return vaultInfo(drafted.vault, clock())
      }
      if ((await book.find(drafted.vault.id)) !== null) return EXISTS
    }
  }

  return {
    core,
    limits,
    handlers,
    draft,
    add,

    async reserve(id, forMs) {
      const counted = await counts.activate()
      if (isRefusal(counted) || counted.length === 0) return counted
      return [...counted, { key: keys.activeVault(id), value: {}, expiresAt: clock() + forMs }]
    },

    async create(vault = {}) {
      return createVaultHandle(granted(await add(vault)).id, core, clock)
    },

    find,

    async get(id) {
      const info = await find(id)
      return isRefusal(info) ? null : info
    },

    open: (id) => createVaultHandle(id, core, clock),

    async list(page = {}) {
      refuseUnknownOptions(page, ['limit', 'cursor'], 'vaults')
      const { limit = 100, cursor } = page
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE)) {
        invalidOption('vaults.limit', `a whole number from 1 to ${MAX_PAGE}`, limit)
      }
      if (cursor !== undefined && !isVaultId(cursor)) invalidOption('vaults.cursor', 'the cursor of a page')
      const { start, end } = prefixRange(keys.vault(''))
      const from = cursor === undefined ? start : `${keys.vault(cursor)}\u0001`
      const found = (await store.list({ start: from, end }, { limit: limit + 1 })).map(vaultOf)
      const now = clock()
      const shown = found.slice(0, limit)
      return {
        vaults: shown.filter((vault) => !hasEnded(vault, now)).map((vault) => vaultInfo(vault, now)),
        cursor: found.length > limit ? (shown.at(-1)?.id ?? null) : null,
      }
    },

    async usage() {
      const [activeVaults, persistedVaults, storageBytes] = await Promise.all([
        counts.active(),
        counts.persisted(),
        storage.used(),
      ])
      return { activeVaults, persistedVaults, storageBytes, limits }
    },

    jwks: () => signingKeys.jwks(),
  }
}

const AWAITED = refuse('payment-in-flight', 'The payment makes its vault itself when it is settled.')
const EXISTS = refuse('vault-exists', 'The payment has a vault already.')
