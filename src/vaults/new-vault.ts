import { createId, type Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import type { Write } from '../stores/store.ts'
import { contentText, readText } from './content.ts'
import { expiryJobs } from './expiry-jobs.ts'
import { defaultTtlHours, isTtl, type Limits, MAX_TTL_HOURS } from './limits.ts'
import { type VaultRecord, vaultRow } from './vault.ts'

/** What a vault is made of. */
export interface NewVault {
  /** Shown to people, at most 500 characters. */
  readonly label?: string
  /** Hours that it is kept from now on. Default 168, or what the limits allow. */
  readonly ttlHours?: number
  /** `pay_…` of the payment that it belongs to. A payment has one vault. */
  readonly paymentId?: string
  /** What you want to know about it, at most 8 KiB as JSON. */
  readonly metadata?: JsonObject
  /** `vlt_…` of the vault that it goes on from. */
  readonly previousVaultId?: string
}

/** What only Coffer itself says of a vault that it makes. */
export interface VaultOrigin {
  /** What the store knows the session by that works in it; never the id that the payer holds. */
  readonly session?: string
}

/** A vault that does not exist before its writes are committed. */
export interface VaultDraft {
  readonly vault: VaultRecord
  /** For one commit, which fails when the payment has a vault already. */
  readonly writes: readonly Write[]
}

/** What {@link draftVault} draws on. */
export interface DraftOptions {
  readonly now: number
  readonly random: Random
  readonly limits: Limits
}

const MAX_LABEL = 500
const MAX_METADATA = 8 * 1024
const HOUR_MS = 3_600_000
const PAYMENT = /^pay_[\w-]{22}$/
const VAULT = /^vlt_[\w-]{22}$/

/**
 * The id of a payment's vault. It is the payment's own but for the prefix: whoever has a payment or a session knows its
 * vault without a look-up, and there cannot be two.
 *
 * @throws CofferError `invalid-option` for a text that is no id of a payment.
 */
export function vaultIdOf(paymentId: string): string {
  if (!PAYMENT.test(paymentId)) invalidOption('paymentId', 'the id of a payment', paymentId)
  return `vlt_${paymentId.slice('pay_'.length)}`
}

/** Whether a text has the form of a vault's id. Others are not looked up. */
export function isVaultId(text: string): boolean {
  return VAULT.test(text)
}

/**
 * A new vault, as writes for somebody's commit: that of a settlement, for instance. Does not count vaults.
 *
 * @throws CofferError `invalid-option` for a wrong member.
 */
export function draftVault(
  options: NewVault & VaultOrigin,
  { now, random, limits }: DraftOptions,
): VaultDraft | Refusal {
  const known = ['label', 'ttlHours', 'paymentId', 'metadata', 'previousVaultId', 'session']
  refuseUnknownOptions(options, known, 'vault')
  const { label, paymentId, metadata = {}, previousVaultId, session } = options
  const expiresAt = expiryOf(options.ttlHours ?? defaultTtlHours(limits), now, limits)
  if (isRefusal(expiresAt)) return expiresAt
  const vault: VaultRecord = {
    id: paymentId === undefined ? createId('vlt', random) : vaultIdOf(paymentId),
    payment: paymentId ?? null,
    session: session ?? null,
    previous: previousVaultId === undefined ? null : readPrevious(previousVaultId),
    label: label === undefined ? null : readText('vault.label', label, MAX_LABEL),
    metadata: readMetadata(metadata),
    summary: null,
    createdAt: now,
    expiresAt,
    sealedAt: null,
    persistedAt: null,
    warnedOf: null,
    endedAt: null,
    ending: null,
    documents: 0,
    files: 0,
    lastFile: 0,
    bytes: 0,
    events: 0,
  }
  const writes: readonly Write[] = [
    vaultRow(vault, 'absent'),
    { key: keys.activeVault(vault.id), value: {}, expiresAt },
    ...expiryJobs(vault.id, expiresAt, now),
  ]
  return { vault, writes }
}

/**
 * When a vault ends that is given so many hours from now on.
 *
 * @throws CofferError `invalid-option` for what is no number of hours.
 */
export function expiryOf(ttlHours: number, now: number, limits: Limits): number | Refusal {
  if (!isTtl(ttlHours)) invalidOption('ttlHours', `hours up to ${MAX_TTL_HOURS}`, ttlHours)
  if (limits.ttlHours !== null && ttlHours > limits.ttlHours) {
    return refuse('ttl-exceeds-plan', 'The vault cannot be kept for so long.', {
      expected: `at most ${limits.ttlHours} hours`,
      got: `${ttlHours} hours`,
    })
  }
  return now + Math.ceil(ttlHours * HOUR_MS)
}

function readPrevious(id: string): string {
  return isVaultId(id) ? id : invalidOption('vault.previousVaultId', 'the id of a vault', id)
}

function readMetadata(metadata: JsonObject): string {
  const text = contentText(metadata, 'vault.metadata')
  const isGood = text.startsWith('{') && text.length <= MAX_METADATA
  return isGood ? text : invalidOption('vault.metadata', `an object of at most ${MAX_METADATA} characters`)
}
