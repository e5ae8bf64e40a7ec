import type { Rpc } from '../evm/rpc.ts'
import type { Signer } from '../evm/signer.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ReceivedOffer } from '../protocols/payer.ts'
import type { Budget } from './budget.ts'
import { type Cost, costOf, excess, type Limit } from './limit.ts'
import { offerInfo } from './offer-info.ts'
import type { Outgoing } from './outgoing.ts'
import type { PayableAsset } from './payable-asset.ts'
import type { OfferRefusal, OfferRefusalReason } from './payment-error.ts'
import type { Policy } from './policy.ts'

/** An offer that may be paid, as far as can be told without the budget's sums. */
export interface Candidate {
  readonly offer: ReceivedOffer
  readonly asset: PayableAsset
  readonly cost: Cost
}

/** What offers are judged by. */
export interface Judging {
  readonly outgoing: Outgoing
  /** Where the request was answered. */
  readonly url: URL
  /** SHA-256 of its body in base64; `null` when no offer asks for it. */
  readonly digest: string | null
  readonly policy: Policy
  readonly budget: Budget
  /** Most that this request may cost; `null` when only the budget says. */
  readonly max: Limit | null
  readonly signer: Signer
  rpcOf(chain: ChainId): Rpc | null
  /** Epoch milliseconds. */
  readonly now: number
}

/** Offers that may be paid, the best first, and why the others may not. */
export interface Choice {
  readonly candidates: readonly Candidate[]
  readonly refusals: readonly OfferRefusal[]
}

/** Judges what a server offers. */
export function choose(offers: readonly ReceivedOffer[], judging: Judging): Choice {
  const { policy } = judging
  const judged = offers.map((offer) => judge(offer, judging))
  const candidates = judged.filter((each) => 'cost' in each)
  return {
    candidates: candidates.sort((a, b) => compare(a, b, policy)),
    refusals: judged.filter((each) => 'reason' in each),
  }
}

/** Whether an offer may be paid: all of this is checked before anything is signed. */
function judge(offer: ReceivedOffer, judging: Judging): Candidate | OfferRefusal {
  const { outgoing, url, digest, policy, budget, max, signer, rpcOf, now } = judging
  const known = policy.assets.find(
    ({ network, address }) => network === offer.network && address === offer.asset,
  )
  const info = offerInfo(offer, known ?? null)
  const no = (
    reason: OfferRefusalReason,
    detail: string,
    more: Pick<OfferRefusal, 'expected' | 'got'> = {},
  ) => ({
    reason,
    detail,
    ...more,
    offer: info,
  })
  if (offer.resource !== null && !isFor(offer.resource, url)) {
    return no('resource-mismatch', 'The offer is for another URL.', {
      expected: url.href,
      got: offer.resource.slice(0, 200),
    })
  }
  if (offer.digest !== null && !isDigest(offer.digest, digest)) {
    return no('digest-mismatch', 'The offer is for another request body.', {
      expected: `sha-256=:${digest}:`,
      got: offer.digest.slice(0, 100),
    })
  }
  if (offer.expiresAt !== null && offer.expiresAt <= now) {
    return no('expired', `The offer ended at ${new Date(offer.expiresAt).toISOString()}.`)
  }
  if (!policy.protocols.includes(offer.protocol)) {
    return no('protocol-not-accepted', `${offer.protocol} is not among policy.protocols.`)
  }
  if (!policy.networks.includes(offer.network)) {
    return no('network-not-accepted', `${offer.network} is not among policy.networks.`)
  }
  if (known === undefined) {
    return no('asset-not-accepted', `${info.assetId} is not among policy.assets.`)
  }
  for (const recipient of [offer.recipient, ...offer.splits.map((split) => split.recipient)]) {
    // A promise, which somebody may return by mistake, is no yes.
    if (policy.pays(recipient, info, url) === true) continue
    return no('recipient-not-accepted', 'The offer pays somebody who is not to be paid.', { got: recipient })
  }
  if (offer.protocol === 'mpp' && outgoing.headers.has('authorization')) {
    return no('authorization-in-use', 'The request has an Authorization of its own, which MPP needs to pay.')
  }
  if (offer.needsTransaction && (signer.signTransaction === undefined || rpcOf(offer.network) === null)) {
    const detail = `${offer.network} takes a wallet that signs transactions, and an endpoint in rpc.`
    return no('cannot-sign', detail)
  }
  if (offer.method !== 'tempo' && known.eip712 === undefined) {
    return no('cannot-sign', `${info.assetId} has no EIP-712 domain in policy.assets.`)
  }
  const cost = costOf(known, offer.amount)
  for (const [limit, name] of [
    [max, 'max'],
    [budget.payment, 'budget.payment'],
  ] as const) {
    const beyond = limit && excess(limit, cost, { usd: 0n, units: 0n })
    if (beyond) return no('too-expensive', `The offer costs more than ${name}: ${beyond.expected}.`, beyond)
  }
  if (cost.units > 0n && !budget.limits(cost)) {
    return no('unlimited', `No limit of the budget says anything about ${info.assetId}.`)
  }
  return { offer, asset: known, cost }
}

/**
 * Whether an offer that names a URL is for this one: host, path, and query, if it has one. Servers behind a proxy do not
 * always know their own scheme, and some leave the query out.
 */
function isFor(resource: string, { href, host, pathname, search }: URL): boolean {
  if (!URL.canParse(resource, href)) return false
  const named = new URL(resource, href)
  return (
    named.host === host && named.pathname === pathname && (named.search === '' || named.search === search)
  )
}

/** RFC 9530 has colons around the digest, and some servers leave them out. */
function isDigest(text: string, digest: string | null): boolean {
  return /^sha-256=:?([^:]*):?$/.exec(text)?.[1] === digest
}

/** The one to prefer comes first: by its price in dollars if so wanted, then by the order of the policy's lists. */
function compare(a: Candidate, b: Candidate, policy: Policy): number {
  const [left, right] = [rankOf(a, policy), rankOf(b, policy)]
  const at = left.findIndex((rank, index) => rank !== right[index])
  if (at < 0) return 0
  return (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1
}

function rankOf({ offer, asset, cost }: Candidate, policy: Policy): readonly (number | bigint)[] {
  const { protocol, version, network, needsTransaction } = offer
  const { protocols, networks, assets, isCheapestFirst } = policy
  // Among equals one that needs no chain to be asked comes first, and the newer version.
  return [
    ...(isCheapestFirst ? [Number(cost.usd === null), cost.usd ?? 0n] : []),
    protocols.indexOf(protocol),
    networks.indexOf(network),
    assets.indexOf(asset),
    Number(needsTransaction),
    -(version ?? 0),
  ]
}
