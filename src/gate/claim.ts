import { createId } from '../lib/id.ts'
import type { NewPayment, SettleMode } from '../payments/payment.ts'
import type { PresentedCredential } from '../protocols/negotiate.ts'
import type { Charge, Verified } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { expose } from './exposure.ts'
import type { Route, Settings } from './settings.ts'

/** What a claim is for, besides what was verified. */
export interface ClaimOptions {
  readonly charge: Charge
  readonly route: Route
  readonly settings: Settings
}

/** Takes the proofs; `null` when one of them, or the idempotency key, is taken. */
export async function claim(
  { credential }: PresentedCredential,
  verified: Verified,
  identity: Pick<NewPayment, 'credentialHash' | 'idempotency'>,
  { charge, route, settings }: ClaimOptions,
): Promise<Held | null> {
  const { ledger, random, sessions, store, maxUnsettled } = settings
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
    session: route.session && {
      ...route.session,
      hash: sessions.hashFor(id),
      ceiling: charge.price.text,
    },
    ...identity,
    evidence: verified.evidence,
  })
  if (deferred === null || route.settle === 'before') return ledger.claim(payment('before'))
  if (route.settle === 'after') return ledger.claim(payment('after'))
  const room = await expose(id, { amount, decimals: asset.decimals }, maxUnsettled, store)
  const held = room && (await ledger.claim(payment('background'), deferred, room))
  // No room, or somebody else was just taking some: settling first is always right.
  return held ?? ledger.claim(payment('before'))
}
