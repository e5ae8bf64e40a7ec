import { toHex } from '../../lib/hex.ts'
import type { Random } from '../../lib/id.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Challenge, Charge } from '../protocol.ts'
import { encodeEnvelope } from './envelope.ts'
import { PAYMENT_REQUIRED } from './headers.ts'
import type { Offer } from './offers.ts'

/** Longest URL that is written with its query. */
const MAX_URL = 2048

/**
 * Writes offers for both versions: the `PAYMENT-REQUIRED` field for v2 clients, body members for v1 clients, which read
 * nothing but the body.
 */
export function createChallenge(
  offers: readonly Offer[],
  charge: Charge,
  refusal: Refusal,
  random: Random,
): Challenge {
  const error = refusal.cause ?? refusal.reason
  // The authorization becomes public on the chain; this part of the credential does not, so that only the payer can
  // redeem what is owed.
  const challenge = toHex(random(16))
  const paymentRequired: JsonObject = {
    x402Version: 2,
    error,
    resource: {
      url: short(charge.url),
      ...(charge.description !== null && { description: charge.description }),
    },
    extensions: { 'payment-identifier': paymentIdentifier(charge.requireKey) },
    accepts: offers.map(({ requirement }) => ({
      ...requirement,
      extra: { ...requirement.extra, challenge },
    })),
  }
  return {
    headers: [[PAYMENT_REQUIRED, encodeEnvelope(paymentRequired)]],
    members: {
      x402Version: 1,
      error,
      accepts: offers.filter(isFirstOfV1).map((offer) => toV1(offer, charge)),
    },
  }
}

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

/** PaymentRequirements of x402 v1: every member is required by its clients. */
function toV1({ network, asset, amount, recipient }: Offer, charge: Charge): JsonObject {
  return {
    scheme: 'exact',
    network: network.v1Name,
    maxAmountRequired: amount.toString(),
    resource: charge.url,
    description: charge.description ?? '',
    mimeType: '',
    payTo: recipient,
    maxTimeoutSeconds: charge.ttl,
    asset: asset.address,
    extra: { ...asset.eip712 },
  }
}
