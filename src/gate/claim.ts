import { createId } from '../lib/id.ts'
import type { NewPayment, SettleMode } from '../payments/payment.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import type { PresentedCredential } from '../protocols/negotiate.ts'
import type { Charge, Verified } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { keys } from '../stores/keys.ts'
import { vaultIdOf } from '../vaults/new-vault.ts'
import { expose } from './exposure.ts'
import type { Route } from './route.ts'
import type { Settings } from './settings.ts'

/** What a claim is for, besides what was verified. */
export interface ClaimOptions {
  readonly charge: Charge
  readonly route: Route
  readonly settings: Settings
}

/** How long a vault's place is kept for a payment that may not make it, milliseconds. */
const RESERVED_MS = 600_000

/** Takes the proofs; `null` when one of them, or the idempotency key, is taken. */
export async function claim(
  { credential }: PresentedCredential,
  verified: Verified,
  identity: Pick<NewPayment, 'credentialHash' | 'idempotency'>,
  { charge, route, settings }: ClaimOptions,
): Promise<Held | Refusal | null> {
  const { ledger, random, sessions, store, vaults, maxUnsettled } = settings
  if (route.notForSale !== null) return route.notForSale
  const id = createId('pay', random)
  const { asset, amount, deferred } = verified
  const payment = (settle: SettleMode): NewPayment => ({
    id,
    proofs: verified.proofs,
    protocol: credential.protocol,
    method: verified.method,
    network: verified.network,
    asset: asset.address,
    amount: amount.toString(),
    decimals: asset.decimals,
    payer: verified.payer,
    recipient: verified.recipient,
    wallet: route.wallet.id,
    route: charge.route,
    digest: charge.digest,
    settle,
    vault: route.vault,
    session: route.session && {
      ...route.session,
      hash: sessions.hashFor(id),
      ceiling: charge.price.text,
    },
    ...identity,
    evidence: verified.evidence,
  })
  const vaultId = vaultIdOf(id)
  const place = route.vault && vaults ? await vaults.reserve(vaultId, RESERVED_MS) : []
  if (isRefusal(place)) return place
  const claimFor = (settle: 'before' | 'after'): Promise<Held | null> =>
    ledger.claim(payment(settle), undefined, place)
  if (deferred === null || route.settle === 'before') return claimFor('before')
  if (route.settle === 'after') return claimFor('after')
  const room = await expose(id, { amount, decimals: asset.decimals }, maxUnsettled, store)
  // The vault is made in this very commit, and takes its place itself.
  const others = place.filter(({ key }) => key !== keys.activeVault(vaultId))
  const held = room && (await ledger.claim(payment('background'), deferred, [...room, ...others]))
  // No room, or somebody else was just taking some: settling first is always right.
  return held ?? claimFor('before')
}
