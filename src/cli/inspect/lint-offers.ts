import type { JsonObject } from '../../lib/json.ts'
import { formatAmount } from '../../payments/amount.ts'
import { mppPayer } from '../../protocols/mpp/pay.ts'
import type { ReceivedOffer } from '../../protocols/payer.ts'
import { x402Payer } from '../../protocols/x402/pay.ts'
import { showNetwork } from '../show/network-name.ts'
import { type Remark, remark } from '../show/remark.ts'
import { knownToken } from '../show/token-name.ts'

/** Offers of a 402 in each of the ways that clients read it. */
export interface Offered {
  readonly v2: readonly ReceivedOffer[]
  readonly v1: readonly ReceivedOffer[]
  readonly mpp: readonly ReceivedOffer[]
  /** Why others cannot be paid, each in one sentence. */
  readonly unreadable: readonly string[]
}

/** Reads what a 402 offers, as `payFetch` does. */
export function readOffered(headers: Headers, body: JsonObject | null): Offered {
  const bare = new Headers(headers)
  bare.delete('payment-required')
  const [v2, v1, mpp] = [
    x402Payer.readOffers({ headers, body: null }),
    x402Payer.readOffers({ headers: bare, body }),
    mppPayer.readOffers({ headers, body: null }),
  ]
  const unreadable = [v2, v1, mpp].flatMap((read) => read.unreadable)
  return { v2: v2.offers, v1: v1.offers, mpp: mpp.offers, unreadable }
}

/** What is wrong with offers that are fine each by itself. */
export function lintOffers(offered: Offered, url: URL): readonly Remark[] {
  const { v2, v1, mpp, unreadable } = offered
  const all = [...v2, ...v1, ...mpp]
  if (all.length === 0) {
    const why = [...new Set(unreadable)].slice(0, 5).join(' ')
    return [remark('no-offer', 'It offers nothing that a client of x402 or MPP can pay.', why)]
  }
  return [...lintProtocols(offered), ...lintResources(all, url), ...lintPrices(all)]
}

function lintProtocols({ v2, v1, mpp }: Offered): readonly Remark[] {
  return [
    ...(v2.length === 0 ? [remark('no-x402', 'Clients of x402 version 2 cannot pay.')] : []),
    ...(v1.length === 0
      ? [
          remark(
            'no-x402-v1',
            'Clients of x402 version 1 cannot pay: they read the body, where no challenge of theirs stands.',
          ),
        ]
      : []),
    ...(mpp.length === 0 ? [remark('no-mpp', 'Clients of MPP cannot pay.')] : []),
  ]
}

function lintResources(offers: readonly ReceivedOffer[], url: URL): readonly Remark[] {
  const named = new Set(offers.flatMap(({ resource }) => resource ?? []))
  return [...named].filter((text) => URL.canParse(text)).flatMap((text) => lintResource(new URL(text), url))
}

function lintResource(resource: URL, url: URL): readonly Remark[] {
  const advice = 'Behind a proxy a server has to be told the URL that it is reached under.'
  const isOther =
    resource.host !== url.host ||
    resource.pathname !== url.pathname ||
    (resource.search !== '' && resource.search !== url.search)
  if (isOther) {
    const says = `An offer is for ${resource.href.slice(0, 200)}, which is not what was requested: clients refuse it.`
    return [remark('resource-differs', says, advice)]
  }
  if (resource.protocol === url.protocol) return []
  return [remark('resource-scheme', `An offer is for ${resource.protocol}//, not ${url.protocol}//.`, advice)]
}

function lintPrices(offers: readonly ReceivedOffer[]): readonly Remark[] {
  const remarks: Remark[] = []
  const byToken = Map.groupBy(offers, ({ network, asset }) => `${asset} on ${showNetwork(network)}`)
  for (const [token, same] of byToken) {
    const amounts = new Set(same.map(({ amount }) => amount.toString()))
    if (amounts.size > 1) {
      const says = `The price in ${token} differs between offers: ${[...amounts].join(', ')} base units.`
      remarks.push(remark('price-differs', says, 'Ask the same by every protocol.'))
    }
    const recipients = new Set(same.map(({ recipient }) => recipient))
    if (recipients.size > 1) {
      const says = `Offers in ${token} pay different recipients: ${[...recipients].join(', ')}.`
      remarks.push(remark('recipients-differ', says, 'Make sure that all of them are yours.'))
    }
  }
  const dollars = new Set(
    offers.flatMap(({ network, asset, amount }) => {
      const token = knownToken(network, asset)
      return token === null ? [] : [formatAmount(amount, token.decimals)]
    }),
  )
  if (dollars.size > 1 && remarks.every(({ code }) => code !== 'price-differs')) {
    const says = `What it costs depends on how it is paid: ${[...dollars].join(', ')} US dollars.`
    remarks.push(remark('price-by-token', says, 'Clients take the cheapest.'))
  }
  return remarks
}
