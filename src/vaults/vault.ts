import type { Json, JsonObject } from '../lib/json.ts'
import { keys } from '../stores/keys.ts'
import type { Entry, Version, Write } from '../stores/store.ts'

/** A vault as the store keeps it: the workspace of a payment or a session. */
export interface VaultRecord {
  /** `vlt_…` */
  readonly id: string
  /** `pay_…` of the payment that it belongs to. */
  readonly payment: string | null
  /** What the store knows the session by that works in it: never the id that the payer holds. */
  readonly session: string | null
  /** `vlt_…` of the vault that this one goes on from. */
  readonly previous: string | null
  readonly label: string | null
  /** JSON text of an object. */
  readonly metadata: string
  /** What was said when it was sealed. */
  readonly summary: string | null
  readonly createdAt: number
  /** When it ends; `null` once it is persisted. */
  readonly expiresAt: number | null
  readonly sealedAt: number | null
  readonly persistedAt: number | null
  /** The expiry that `vault.expiring` was told of. */
  readonly warnedOf: number | null
  /** When it expired or was deleted: what it held is being purged, or is gone. */
  readonly endedAt: number | null
  readonly ending: 'expired' | 'deleted' | null
  /** How many documents it holds; also the number of the last one. */
  readonly documents: number
  /** How many files it holds. */
  readonly files: number
  /** The number of the last file, whether it was deleted or not. */
  readonly lastFile: number
  /** What its documents and files hold together. */
  readonly bytes: number
  /** How many events there were; also the number of the last one. */
  readonly events: number
}

/**
 * Where a vault stands. Sealed and persisted are independent: a vault that is both is `persisted`, and says so by its
 * `sealedAt`.
 */
export type VaultStatus = 'active' | 'sealed' | 'persisted' | 'expired'

/** What a seller sees of a vault. Instants are epoch milliseconds. */
export interface VaultInfo {
  /** `vlt_…` */
  readonly id: string
  readonly status: VaultStatus
  readonly label: string | null
  /** What it was created with. */
  readonly metadata: JsonObject
  /** What was said when it was sealed. */
  readonly summary: string | null
  /** `pay_…` of the payment that it belongs to; `null` when it was made without one. */
  readonly paymentId: string | null
  /** `vlt_…` of the vault that it goes on from. */
  readonly previousVaultId: string | null
  readonly createdAt: number
  /** When it ends; `null` once it is persisted. */
  readonly expiresAt: number | null
  readonly sealedAt: number | null
  readonly persistedAt: number | null
  /** How many documents, files and events it has, and what documents and files hold together, bytes. */
  readonly documents: number
  readonly files: number
  readonly events: number
  readonly bytes: number
}

/** Where a vault stands at an instant. */
export function statusOf(vault: VaultRecord, now: number): VaultStatus {
  if (hasEnded(vault, now)) return 'expired'
  if (vault.persistedAt !== null) return 'persisted'
  return vault.sealedAt === null ? 'active' : 'sealed'
}

/** Whether a vault has expired or was deleted, though nobody may have written that down yet. */
export function hasEnded({ endedAt, expiresAt }: VaultRecord, now: number): boolean {
  return endedAt !== null || (expiresAt !== null && expiresAt <= now)
}

/** What a seller sees of a vault. */
export function vaultInfo(vault: VaultRecord, now: number): VaultInfo {
  const { id, label, summary, createdAt, expiresAt, sealedAt, persistedAt } = vault
  const { documents, files, events, bytes } = vault
  return {
    id,
    status: statusOf(vault, now),
    label,
    metadata: JSON.parse(vault.metadata),
    summary,
    paymentId: vault.payment,
    previousVaultId: vault.previous,
    createdAt,
    expiresAt,
    sealedAt,
    persistedAt,
    documents,
    files,
    events,
    bytes,
  }
}

/** The row of a vault. */
export function vaultRow(vault: VaultRecord, condition: NonNullable<Write['if']>): Write {
  return { key: keys.vault(vault.id), value: vault as unknown as JsonObject, if: condition }
}

/** What is left of a vault until an instant: enough to say that there was one. */
export function tombstoneRow(vault: VaultRecord, version: Version, expiresAt: number): Write {
  const rest: VaultRecord = { ...vault, label: null, metadata: '{}', summary: null, documents: 0, files: 0 }
  return { ...vaultRow(rest, { version }), expiresAt }
}

/** Reads the row of a vault. */
export function vaultOf({ value }: Entry): VaultRecord {
  return value as unknown as VaultRecord
}

/** What is told of a vault to the outside, as plain JSON. */
export type VaultFacts = { readonly vaultId: string } & { readonly [name: string]: Json }
