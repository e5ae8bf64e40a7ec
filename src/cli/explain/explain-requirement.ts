import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { parseNetwork } from '../../protocols/x402/network-name.ts'
import type { Explanation } from '../show/explanation.ts'
import type { Field } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { type Remark, remark } from '../show/remark.ts'
import { explainToken, malformed, shown } from './token-remarks.ts'

/** Explains one way to pay: PaymentRequirements of either version. */
export function explainRequirement(requirement: JsonObject, version: 1 | 2, what: string): Explanation {
  const { scheme, network, asset, payTo, maxTimeoutSeconds, extra } = requirement
  const chain = parseNetwork(network)
  const amountName = version === 2 ? 'amount' : 'maxAmountRequired'
  const token = explainToken({
    names: { amount: amountName, asset: 'asset', recipient: 'payTo' },
    network: chain,
    amount: requirement[amountName],
    asset,
    recipient: payTo,
  })
  const { name, version: domainVersion, ...others } = isJsonObject(extra) ? extra : {}
  const fields: Field[] = [
    {
      name: 'scheme',
      value: shown(scheme),
      meaning: scheme === 'exact' ? 'exactly this amount is paid' : '',
    },
    {
      name: 'network',
      value: shown(network),
      meaning: chain === null ? 'no EVM chain that is known here' : showNetwork(chain),
    },
    ...token.fields,
    {
      name: 'maxTimeoutSeconds',
      value: shown(maxTimeoutSeconds),
      meaning: 'seconds that the authorization is good for, from when it is signed',
    },
    ...optional('extra.name', name, 'name that the token has for signatures (EIP-712)'),
    ...optional('extra.version', domainVersion, 'version that the token has for signatures'),
    ...Object.entries(others).map(([key, value]) => ({
      name: `extra.${key}`,
      value: shown(value),
      meaning: '',
    })),
    ...(version === 1 ? optional('resource', requirement['resource'], 'what is paid for') : []),
    ...(version === 1 ? optional('description', requirement['description'], 'in words of the server') : []),
  ]
  const isEip3009 =
    scheme === 'exact' && chain !== null && (others['assetTransferMethod'] ?? 'eip3009') === 'eip3009'
  const remarks = [
    ...schemeRemarks(scheme),
    ...networkRemarks(network, version),
    ...token.remarks,
    ...timeoutRemarks(maxTimeoutSeconds),
    ...(isEip3009 ? domainRemarks({ name, version: domainVersion }, token.token?.eip712) : []),
    ...(version === 1 ? resourceRemarks(requirement['resource']) : []),
  ]
  return { what, fields, parts: [], remarks }
}

function schemeRemarks(scheme: unknown): readonly Remark[] {
  if (scheme === 'exact') return []
  return [remark('scheme-unknown', `The scheme ${shown(scheme)} is one that few clients pay by.`)]
}

function networkRemarks(network: unknown, version: 1 | 2): readonly Remark[] {
  const text = typeof network === 'string' ? network : ''
  const isCaip2 = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/.test(text)
  if (version === 2 && !isCaip2) {
    const known = parseNetwork(text)
    const advice = known === null ? 'Write a CAIP-2 id, such as eip155:8453.' : `Write ${known}.`
    return [remark('network-not-caip2', `Version 2 knows no network ${shown(network)}.`, advice)]
  }
  if (version === 1 && (isCaip2 || text === '')) {
    return [
      remark(
        'network-not-v1',
        `Version 1 knows no network ${shown(network)}.`,
        'Write its name, such as base.',
      ),
    ]
  }
  return parseNetwork(text) === null
    ? [remark('network-unknown', `The network ${text} is not one that Coffer pays on.`)]
    : []
}

function timeoutRemarks(seconds: unknown): readonly Remark[] {
  if (!Number.isInteger(seconds) || Number(seconds) <= 0)
    return [malformed('maxTimeoutSeconds', 'a whole number of seconds above 0')]
  if (Number(seconds) < 10)
    return [
      remark('timeout-short', `Payers have ${seconds} s, clocks may differ by more.`, 'Give them a minute.'),
    ]
  return Number(seconds) > 86_400
    ? [
        remark(
          'timeout-long',
          `An authorization would be good for ${seconds} s; Coffer signs for an hour at most.`,
        ),
      ]
    : []
}

function domainRemarks(
  domain: { readonly name: unknown; readonly version: unknown },
  known: { readonly name: string; readonly version: string } | undefined,
): readonly Remark[] {
  const { name, version } = domain
  if (typeof name !== 'string' || typeof version !== 'string') {
    const says = 'extra.name and extra.version are missing: clients cannot sign for the token (EIP-712).'
    return [remark('domain-missing', says, "Write the token's own.")]
  }
  if (known === undefined || (name === known.name && version === known.version)) return []
  const says = `The token signs as ${known.name} ${known.version}, not as ${name} ${version}: its contract will refuse every payment.`
  return [remark('domain-differs', says, `Write name ${known.name} and version ${known.version}.`)]
}

/** Whether a URL is there, and absolute. */
export function resourceRemarks(url: unknown): readonly Remark[] {
  if (typeof url !== 'string' || url === '')
    return [
      remark('resource-missing', 'It does not say what URL it is for: some clients throw.', 'Write it.'),
    ]
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return []
  return [
    remark(
      'resource-relative',
      `${shown(url)} is no absolute URL: some clients throw.`,
      'Write scheme and host, too.',
    ),
  ]
}

/** A member that may be absent. */
export function optional(name: string, value: unknown, meaning: string): readonly Field[] {
  return value === undefined ? [] : [{ name, value: shown(value), meaning }]
}
