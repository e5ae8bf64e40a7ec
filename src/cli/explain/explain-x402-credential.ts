import { stablecoins } from '../../client.ts'
import { type Authorization, authorizationDigest } from '../../evm/authorization.ts'
import { recoverSigner } from '../../evm/signature.ts'
import { isHex } from '../../lib/hex.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { type Address, parseAddress } from '../../payments/address.ts'
import { parseAmount } from '../../payments/amount.ts'
import type { Asset } from '../../payments/asset.ts'
import type { ChainId } from '../../payments/chain.ts'
import { parseNetwork } from '../../protocols/x402/network-name.ts'
import { type Explanation, hiding, unreadable } from '../show/explanation.ts'
import { type Field, shorten, showSeconds } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { type Remark, remark } from '../show/remark.ts'
import { knownToken, showUnits } from '../show/token-name.ts'
import { openStandard } from './envelope.ts'
import { explainRequirement, optional } from './explain-requirement.ts'
import { malformed, shown } from './token-remarks.ts'

/** Explains `PAYMENT-SIGNATURE` (x402 version 2) or `X-PAYMENT` (version 1): what pays, and whether its signature is right. */
export function explainX402Credential(text: string, name: 'PAYMENT-SIGNATURE' | 'X-PAYMENT'): Explanation {
  const version = name === 'X-PAYMENT' ? 1 : 2
  const what = `${name}: a payment of x402 version ${version}. Whoever has it may use it`
  if (text.startsWith('stub_')) {
    return unreadable(
      `${name}: a payment for tests`,
      remark('stub', 'It moves no money: servers take it in stub mode only.'),
    )
  }
  const { value, remarks } = openStandard(text, name)
  if (value === null) return unreadable(what, ...remarks)
  const { x402Version, accepted, payload, extensions, scheme, network: named } = value
  const requirement = isJsonObject(accepted) ? accepted : null
  const network = parseNetwork(requirement?.['network'] ?? named)
  const asset = requirement === null ? tokenOfV1(network) : assetOf(requirement, network)
  const paid = explainAuthorization(payload, network, asset)
  const fields = [
    { name: 'x402Version', value: shown(x402Version), meaning: 'version of the protocol' },
    ...optional('scheme', scheme, ''),
    ...(version === 1 && named !== undefined
      ? [{ name: 'network', value: shown(named), meaning: network === null ? '' : showNetwork(network) }]
      : []),
    ...(isJsonObject(extensions)
      ? [{ name: 'extensions', value: Object.keys(extensions).join(', '), meaning: '' }]
      : []),
    ...paid.fields,
  ]
  const more = [
    ...remarks,
    ...(x402Version === version
      ? []
      : [remark('x402-version', `x402Version is ${shown(x402Version)}, in a field of version ${version}.`)]),
    ...(version === 2 && requirement === null ? [malformed('accepted', 'the offer that is paid')] : []),
    ...paid.remarks,
    ...(requirement === null ? [] : differences(requirement, paid.authorization)),
  ]
  return { what, fields, remarks: more, parts: requirement === null ? [] : [explainAccepted(requirement)] }
}

/**
 * The offer, as the payer sends it back. The rest of a credential becomes public on the chain; what a server has put into
 * `extra` besides may be what keeps others from using it then.
 */
function explainAccepted(requirement: JsonObject): Explanation {
  const known = ['extra.name', 'extra.version', 'extra.assetTransferMethod']
  const explanation = explainRequirement(requirement, 2, 'accepted: the offer that it pays')
  return hiding(explanation, (name) => name.startsWith('extra.') && !known.includes(name))
}

/** An authorization with what is known of it. */
export interface ExplainedAuthorization {
  readonly fields: readonly Field[]
  readonly remarks: readonly Remark[]
  /** `null` when a member is malformed. */
  readonly authorization: Authorization | null
}

/** Explains `{ signature, authorization }` (EIP-3009), and recovers who signed. */
export function explainAuthorization(
  payload: unknown,
  network: ChainId | null,
  asset: Asset | null,
  now = Date.now(),
): ExplainedAuthorization {
  const { signature, authorization } = isJsonObject(payload) ? payload : {}
  const said: JsonObject = isJsonObject(authorization) ? authorization : {}
  const { from, to, value, validAfter, validBefore, nonce } = said
  const units = parseAmount(value)
  const fields: Field[] = [
    { name: 'from', value: shown(from), meaning: 'who pays' },
    { name: 'to', value: shown(to), meaning: 'who is paid' },
    { name: 'value', value: shown(value), meaning: units === null ? '' : showUnits(units, asset) },
    {
      name: 'validAfter',
      value: shown(validAfter),
      meaning: validAfter === '0' ? 'good at once' : showSeconds(validAfter, now),
    },
    {
      name: 'validBefore',
      value: shown(validBefore),
      meaning: `good until ${showSeconds(validBefore, now)}`,
    },
    { name: 'nonce', value: shown(nonce), meaning: 'the token takes it once' },
    {
      name: 'signature',
      value: typeof signature === 'string' ? shorten(signature) : '(absent)',
      meaning: '',
    },
  ]
  const parsed = readAuthorization(said)
  if (parsed === null || !isHex(signature)) {
    const says = 'The payload has no valid authorization with a signature.'
    return { fields, authorization: null, remarks: [remark('malformed-member', says)] }
  }
  const remarks = [
    ...signatureRemarks(parsed, signature, network, asset),
    ...(parsed.validBefore * 1000n <= BigInt(now)
      ? [
          remark(
            'payment-expired',
            `The authorization expired: it was good until ${showSeconds(validBefore, now)}.`,
          ),
        ]
      : []),
  ]
  return { fields, authorization: parsed, remarks }
}

function readAuthorization({
  from,
  to,
  value,
  validAfter,
  validBefore,
  nonce,
}: JsonObject): Authorization | null {
  const [payer, recipient] = [parseAddress(from), parseAddress(to)]
  const [amount, after, before] = [value, validAfter, validBefore].map(parseAmount)
  if (payer === null || recipient === null || amount == null || after == null || before == null) return null
  if (!isHex(nonce, 32)) return null
  return { from: payer, to: recipient, value: amount, validAfter: after, validBefore: before, nonce }
}

function signatureRemarks(
  authorization: Authorization,
  signature: `0x${string}`,
  network: ChainId | null,
  asset: Asset | null,
): readonly Remark[] {
  if (network === null || asset?.eip712 === undefined) {
    return [remark('signature-unchecked', 'The signature is not checked: its token or chain is not known.')]
  }
  if (!isHex(signature, 65)) {
    const says = 'The signature is not checked: it is one of a contract, for which its chain has to be asked.'
    return [remark('signature-unchecked', says)]
  }
  const { name, version } = asset.eip712
  const signer = recoverSigner(authorizationDigest(network, asset, authorization), signature)
  return [signerRemark(signer, authorization.from, `for ${name} ${version} on ${showNetwork(network)}`)]
}

/** Whether the one who signed is the one who pays. */
export function signerRemark(signer: Address | null, payer: Address, what: string): Remark {
  if (signer === payer) return remark('signature-right', `The signature is right: ${payer} signed ${what}.`)
  const found = signer === null ? 'It is no ECDSA signature' : `It is that of ${signer}`
  const advice = `Only the chain can tell whether ${payer} is a contract that takes it (EIP-1271).`
  return remark('signature-wrong', `The signature is not one of ${payer} ${what}. ${found}.`, advice)
}

/** The token as the offer describes it: the payer signed for that, whatever the token says itself. */
function assetOf({ asset, extra }: JsonObject, network: ChainId | null): Asset | null {
  const address = parseAddress(asset)
  if (address === null) return null
  const known = network === null ? null : knownToken(network, address)
  const { name, version } = isJsonObject(extra) ? extra : {}
  const domain = typeof name === 'string' && typeof version === 'string' ? { eip712: { name, version } } : {}
  return known === null && domain.eip712 !== undefined
    ? { address, decimals: 0, symbol: `base units of ${address}`, ...domain }
    : known && { ...known, ...domain }
}

/** Version 1 does not say which token: it is the one that its chain is paid in. */
function tokenOfV1(network: ChainId | null): Asset | null {
  return stablecoins.find((token) => token.network === network && token.eip712 !== undefined) ?? null
}

function differences(requirement: JsonObject, authorization: Authorization | null): readonly Remark[] {
  if (authorization === null) return []
  const { amount, payTo } = requirement
  return [
    ...(parseAmount(amount) === authorization.value
      ? []
      : [remark('amount-differs', `It pays ${authorization.value}, the offer asks ${shown(amount)}.`)]),
    ...(parseAddress(payTo) === authorization.to
      ? []
      : [remark('recipient-differs', `It pays ${authorization.to}, the offer wants ${shown(payTo)} paid.`)]),
  ]
}
