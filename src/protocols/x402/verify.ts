import type { EvmNetwork } from '../../evm/network.ts'
import { checkTransfer } from '../../evm/transfer.ts'
import type { Clock } from '../../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { isRefusal, type Refusal, refuse } from '../../problems/refusal.ts'
import type { Charge, Verified } from '../protocol.ts'
import type { Content } from './credential.ts'
import { createOffers, type Offer } from './offers.ts'
import { settlementOf } from './settle.ts'

/** Checks a credential against what this route offers now: the client's own words decide nothing. */
export async function verifyContent(
  content: Content,
  charge: Charge,
  networks: readonly EvmNetwork[],
  clock: Clock,
): Promise<Verified | Refusal> {
  const offer = matchOffer(content, createOffers(charge, networks))
  if (isRefusal(offer)) return offer
  const { network, asset, amount, recipient } = offer
  const { authorization, signature } = content
  const transfer = { network, asset, authorization, signature, resource: charge.url }
  const refused = await checkTransfer(transfer, {
    amount,
    recipient,
    now: clock(),
    settlesLater: charge.settlesLater,
  })
  if (refused !== null) return refused
  return {
    proofs: [`x402:${network.id}:${asset.address}:${authorization.from}:${authorization.nonce}`],
    method: 'exact',
    network: network.id,
    asset,
    amount,
    payer: authorization.from,
    recipient,
    ...settlementOf(transfer, content.v1Network),
  }
}

function matchOffer(content: Content, offers: readonly Offer[]): Offer | Refusal {
  const { accepted, v1Network } = content
  const offer =
    accepted === null
      ? offers.find(({ network }) => network.v1Name === v1Network)
      : offers.find(
          ({ requirement }) =>
            same(requirement['network'], accepted['network']) &&
            same(requirement['asset'], accepted['asset']),
        )
  if (offer === undefined) {
    return refuse('invalid-challenge', 'The credential pays in a way that this route does not offer.', {
      expected: offers.map(({ network, asset }) => `${asset.symbol} on ${network.id}`).join(', '),
      cause: 'invalid_network',
    })
  }
  const refused = accepted === null ? null : compare(offer.requirement, accepted, 'accepted')
  return refused ?? offer
}

/** Every member of ours must stand in the client's, equal; `extra` may hold more, since clients echo what they know. */
function compare(ours: JsonObject, theirs: JsonObject, path: string): Refusal | null {
  for (const [name, value] of Object.entries(ours)) {
    const got = theirs[name]
    if (isJsonObject(value) && isJsonObject(got)) {
      const refused = compare(value, got, `${path}.${name}`)
      if (refused !== null) return refused
    } else if (!same(value, got)) {
      return refuse(
        'invalid-challenge',
        `The credential answers another challenge: ${path}.${name} differs.`,
        {
          expected: String(value),
          ...(typeof got === 'string' && { got: got.slice(0, 100) }),
          cause: 'invalid_payment_requirements',
        },
      )
    }
  }
  return null
}

/** Addresses may come in any letter case; nothing else here has letters that matter only by case. */
function same(ours: unknown, theirs: unknown): boolean {
  if (typeof ours !== 'string' || typeof theirs !== 'string') return ours === theirs
  return ours === theirs || (ours.startsWith('0x') && ours === theirs.toLowerCase())
}
