import type { EvmNetwork } from '../../evm/network.ts'
import { encodeBase64 } from '../../lib/base64.ts'
import { toHex } from '../../lib/hex.ts'
import type { Random } from '../../lib/id.ts'
import type { JsonObject } from '../../lib/json.ts'
import { jsonTemplate } from '../../lib/json-template.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Challenge, Charge } from '../protocol.ts'
import { remember } from '../remember.ts'
import { PAYMENT_REQUIRED } from './headers.ts'
import { createOffers, type Offer } from './offers.ts'

/** Longest URL that is written with its query. */
const MAX_URL = 2048

/**
 * Writes offers for both versions: the `PAYMENT-REQUIRED` field for v2 clients, body members for v1 clients, which read
 * nothing but the body.
 */
export function createChallenge(
  networks: readonly EvmNetwork[],
  charge: Charge,
  refusal: Refusal,
  random: Random,
): Challenge {
  const { url, route, digest } = charge
  const error = refusal.cause ?? refusal.reason
  const { v2, v1 } = templates(networks, charge)
  // The authorization becomes public on the chain; this part of the credential does not, so that only the payer can
  // redeem what is owed.
  const challenge = toHex(random(16))
  const json = v2({ error, url: short(url), route, digest: digest ?? '', challenge })
  return {
    headers: [[PAYMENT_REQUIRED, encodeBase64(json)]],
    members: { x402Version: 1, error, accepts: v1.map((offer) => ({ ...offer, resource: url })) },
  }
}

/** What is the same for every request of a route, and most of a challenge: remembered. */
const templates = remember((networks: readonly EvmNetwork[], charge: Charge) => {
  const offers = createOffers(charge, networks)
  return {
    v2: jsonTemplate(
      ['error', 'url', 'route', 'digest', 'challenge'],
      ({ error, url, route, digest, challenge }) => ({
        x402Version: 2,
        error,
        resource: { url, ...(charge.description !== null && { description: charge.description }) },
        extensions: { 'payment-identifier': paymentIdentifier(charge.requireKey) },
        accepts: offers.map(({ requirement }) => ({
          ...requirement,
          extra: { ...requirement.extra, route, ...(charge.digest !== null && { digest }), challenge },
        })),
      }),
    ),
    v1: offers.filter(isFirstOfV1).map((offer) => toV1(offer, charge)),
  }
})

/**
 * Clients echo the URL beside the request line itself, and servers read some 16 KiB of head: a long query, which nobody
 * decides anything by here, would make the paid request too large.
 */
function short(url: string): string {
  return url.length > MAX_URL ? (url.split('?')[0] ?? url) : url
}

/** Declares the extension by which clients name their request, so that they can send it again. */
function paymentIdentifier(required: boolean): JsonObject {
  const id = { type: 'string', minLength: 16, maxLength: 128, pattern: '^[a-zA-Z0-9_-]+$' }
  return {
    info: { required },
    schema: { type: 'object', properties: { required: { type: 'boolean' }, id }, required: ['required'] },
  }
}

/** A v1 credential names no token, so that v1 clients are offered one per chain; nor can they read CAIP-2 names. */
function isFirstOfV1({ network, asset }: Offer): boolean {
  return network.v1Name !== null && network.assets[0] === asset
}

/** PaymentRequirements of x402 v1, of whatever resource: every member is required by its clients. */
function toV1({ network, asset, amount, recipient }: Offer, charge: Charge): JsonObject {
  return {
    scheme: 'exact',
    network: network.v1Name,
    maxAmountRequired: amount.toString(),
    resource: '',
    description: charge.description ?? '',
    mimeType: '',
    payTo: recipient,
    maxTimeoutSeconds: charge.ttl,
    asset: asset.address,
    extra: { ...asset.eip712 },
  }
}
