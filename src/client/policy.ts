import { type Address, parseAddress } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { OfferInfo } from './offer-info.ts'
import { type PayableAsset, stablecoins } from './payable-asset.ts'

/** Whom and how a client pays. Lists are also orders of preference: what stands first is taken among equals. */
export interface PolicyOptions {
  /** Default: x402, then MPP. */
  readonly protocols?: readonly ProtocolName[]
  /** Chains by their CAIP-2 id. Default: those of `assets`. */
  readonly networks?: readonly ChainId[]
  /** Tokens. Default: {@link stablecoins}. What a server says of a token is never believed. */
  readonly assets?: readonly PayableAsset[]
  /** Origins that are paid, such as `https://api.example.com`. Default: every one over https, and this machine. */
  readonly origins?: readonly string[]
  /** Who is paid, splits included: addresses, or a function. Default: whoever the server names. */
  readonly recipients?: readonly Address[] | ((recipient: Address, offer: OfferInfo, url: URL) => boolean)
  /** Which of several offers is taken: the one that costs least, or the one that the lists prefer. Default `cheapest`. */
  readonly prefer?: 'cheapest' | 'listed'
  /** Asked before a payment is made, such as a person. Default: nobody. */
  readonly approve?: (offer: OfferInfo, url: URL) => boolean | Promise<boolean>
}

/** {@link PolicyOptions}, complete. */
export interface Policy {
  readonly protocols: readonly ProtocolName[]
  readonly networks: readonly ChainId[]
  readonly assets: readonly PayableAsset[]
  /** `null` for every one that is secure. */
  readonly origins: readonly string[] | null
  pays(recipient: Address, offer: OfferInfo, url: URL): boolean
  readonly isCheapestFirst: boolean
  approve(offer: OfferInfo, url: URL): boolean | Promise<boolean>
}

const PROTOCOLS: readonly ProtocolName[] = ['x402', 'mpp']

/** @throws CofferError `invalid-option` naming the option. */
export function readPolicy(options: PolicyOptions): Policy {
  refuseUnknownOptions(
    options,
    ['protocols', 'networks', 'assets', 'origins', 'recipients', 'prefer', 'approve'],
    'policy',
  )
  const { protocols = PROTOCOLS, prefer = 'cheapest', approve = () => true, recipients } = options
  const assets = readAssets(options.assets ?? stablecoins)
  const networks = options.networks ?? [...new Set(assets.map(({ network }) => network))]
  if (protocols.length === 0 || !protocols.every((name) => PROTOCOLS.includes(name))) {
    invalidOption('policy.protocols', "at least one of 'x402' and 'mpp'", String(protocols))
  }
  if (networks.length === 0 || !networks.every((id) => /^eip155:[1-9]\d*$/.test(id))) {
    invalidOption('policy.networks', "CAIP-2 ids such as 'eip155:8453'", String(networks))
  }
  if (prefer !== 'cheapest' && prefer !== 'listed')
    invalidOption('policy.prefer', "'cheapest' or 'listed'", prefer)
  if (typeof approve !== 'function') invalidOption('policy.approve', 'a function', approve)
  return {
    protocols,
    networks,
    assets,
    origins: options.origins === undefined ? null : options.origins.map(readOrigin),
    pays: readRecipients(recipients),
    isCheapestFirst: prefer === 'cheapest',
    approve,
  }
}

function readAssets(assets: readonly PayableAsset[]): readonly PayableAsset[] {
  if (assets.length === 0) invalidOption('policy.assets', 'at least one token')
  return assets.map((asset) => {
    const address = parseAddress(asset.address)
    if (address === null) return invalidOption('policy.assets[].address', 'a token contract', asset.address)
    if (!/^eip155:[1-9]\d*$/.test(asset.network)) {
      invalidOption('policy.assets[].network', "a CAIP-2 id such as 'eip155:8453'", asset.network)
    }
    if (!Number.isInteger(asset.decimals) || asset.decimals < 0 || asset.decimals > 36) {
      invalidOption('policy.assets[].decimals', 'an integer from 0 to 36', asset.decimals)
    }
    return { ...asset, address }
  })
}

function readOrigin(origin: string): string {
  const isOrigin = URL.canParse(origin) && new URL(origin).origin === origin
  return isOrigin
    ? origin
    : invalidOption('policy.origins', "origins such as 'https://api.example.com'", origin)
}

function readRecipients(recipients: PolicyOptions['recipients']): Policy['pays'] {
  if (recipients === undefined) return () => true
  if (typeof recipients === 'function') return recipients
  const known = new Set(
    recipients.map((text) => parseAddress(text) ?? invalidOption('policy.recipients', 'addresses', text)),
  )
  return (recipient) => known.has(recipient)
}
