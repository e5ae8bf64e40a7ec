import { type AuthItem, isAuthSyntaxError, parseAuthItems } from '../../lib/auth-params.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../lib/json.ts'
import { type ChainId, chainIdOf } from '../../payments/chain.ts'
import type { ChallengeParams } from '../../protocols/mpp/challenge.ts'
import { type ChargeRequest, parseChargeRequest } from '../../protocols/mpp/charge-request.ts'
import { CHARGE_INTENT } from '../../protocols/mpp/method.ts'
import { MAX_CHALLENGE } from '../../protocols/payer.ts'
import { type Explanation, unreadable } from '../show/explanation.ts'
import { cut, type Field, meaningsOf, showDistance } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { hasError, type Remark, remark } from '../show/remark.ts'
import { openUrlSafe } from './envelope.ts'
import { explainToken, malformed, shown } from './token-remarks.ts'

const WHAT = 'WWW-Authenticate: what an MPP server asks for'

const NEEDED = ['id', 'realm', 'method', 'intent', 'request'] as const

const meaningOf = meaningsOf({
  id: 'names the challenge; the server knows its own by it',
  realm: 'who asks',
  method: 'how it is paid',
  intent: 'what the payment is for: a charge pays for one request',
  description: 'in words of the server',
  digest: 'body that it is good for (RFC 9530)',
  opaque: "the server's own data, sent back unchanged",
  header: 'field that the credential is wanted in',
})

/** Explains the `Payment` challenges of `WWW-Authenticate`; `null` when it has none. */
export function explainMppChallenges(field: string, now = Date.now()): Explanation | null {
  if (field.length > MAX_CHALLENGE) {
    const says = `WWW-Authenticate has ${field.length} characters: servers and clients read some 16 000.`
    return unreadable(WHAT, remark('challenge-too-large', says, 'Offer less, describe it shorter.'))
  }
  const items = parseAuthItems(field)
  if (isAuthSyntaxError(items)) {
    if (!/\bpayment\b/i.test(field)) return null
    const says = `WWW-Authenticate is malformed at character ${items.at}: ${items.message}. Nothing in it can be read.`
    const advice =
      'Quote every value, escape quotes and backslashes, write each parameter once (RFC 9110 section 11).'
    return unreadable(WHAT, remark('www-authenticate-malformed', says, advice))
  }
  const challenges = items.filter(isPayment)
  if (challenges.length === 0) return null
  const ids = challenges.map(({ params }) => params.get('id'))
  const remarks = [
    ...(new Set(ids).size < ids.length
      ? [remark('challenge-id-repeated', 'Two challenges have one id.', 'Draw a new one for each.')]
      : []),
    ...(items[0] !== undefined && !isPayment(items[0])
      ? [
          remark(
            'payment-not-first',
            'Another scheme stands before Payment: some clients look at the first only.',
          ),
        ]
      : []),
  ]
  const parts = challenges.map((item, at) => explainParams(item, `challenge ${at + 1}`, now))
  return { what: WHAT, fields: [], remarks, parts }
}

function isPayment({ scheme }: AuthItem): boolean {
  return scheme.toLowerCase() === 'payment'
}

function explainParams(item: AuthItem, what: string, now: number): Explanation {
  const { params } = item
  const missing = NEEDED.filter((name) => (name === 'realm' ? !params.has(name) : !params.get(name)))
  if (missing.length === 0) {
    const [method, intent] = [params.get('method') ?? '', params.get('intent') ?? '']
    return explainChallenge(Object.fromEntries(params), `${what}: ${cut(method, 40)} ${cut(intent, 40)}`, now)
  }
  const says = `A Payment challenge has no ${missing.join(', ')}: mppx then reads none of the others either.`
  return unreadable(what, remark('challenge-incomplete', says, 'Write all of them, or leave it out.'))
}

/** Explains one challenge, from its parameters. */
export function explainChallenge(
  params: Readonly<Record<string, string>>,
  what: string,
  now = Date.now(),
): Explanation {
  const { request = '', expires, method = '', intent = '', opaque, ...others } = params
  const opened = openUrlSafe(request, 'request')
  const { methodDetails, ...asked } = opened.value ?? {}
  const details = isJsonObject(methodDetails) ? methodDetails : {}
  const isKnown = intent === CHARGE_INTENT && ['tempo', 'evm'].includes(method)
  const { amount, currency, recipient, ...rest } = asked
  const token = explainToken({
    names: { amount: 'request.amount', asset: 'request.currency', recipient: 'request.recipient' },
    network: isKnown ? chainOf(method, details) : null,
    amount,
    asset: currency,
    recipient,
  })
  const charge = readCharge(params)
  const fields: Field[] = [
    ...Object.entries({ ...others, method, intent }).map(([name, value]) => ({
      name,
      value: shown(value),
      meaning: meaningOf(name),
    })),
    ...(opaque === undefined
      ? []
      : [{ name: 'opaque', value: cut(opaque, 80), meaning: meaningOf('opaque') }]),
    {
      name: 'expires',
      value: shown(expires),
      meaning: `the end of the offer: ${expires === undefined ? 'none' : showDistance(Date.parse(expires), now)}`,
    },
    ...(isKnown ? token.fields : []),
    ...Object.entries(isKnown ? rest : asked).map(([name, value]) => ({
      name: `request.${name}`,
      value: shown(value),
      meaning: '',
    })),
    ...Object.entries(details).map(([name, value]) => ({
      name: `methodDetails.${name}`,
      value: shown(value),
      meaning: name === 'chainId' ? showNetwork(`eip155:${shown(value)}`) : detailMeaning(name),
    })),
  ]
  const remarks = [
    ...opened.remarks,
    ...(opened.value === null ? [] : canonicalRemarks(request, opened.value)),
    ...(opened.value !== null && isKnown ? token.remarks : []),
    ...expiryRemarks(expires, now),
    ...(isKnown ? [] : [unknownMethod(method, intent)]),
    ...(isKnown && method === 'evm' ? evmRemarks(details, token.token?.decimals) : []),
  ]
  const isMissed = isKnown && typeof charge === 'string' && !hasError(remarks)
  return {
    what,
    fields,
    parts: [],
    remarks: isMissed ? [...remarks, remark('challenge-unreadable', charge)] : remarks,
  }
}

/** What a challenge asks, as payers read it; text says why they cannot. */
export function readCharge(params: Readonly<Record<string, string>>): ChargeRequest | string {
  const whole: ChallengeParams = { id: '', realm: '', method: '', intent: '', request: '', ...params }
  return parseChargeRequest(whole)
}

const detailMeaning = meaningsOf({
  feePayer: 'whether the server pays the fees',
  splits: 'parts of the amount that go to others',
  supportedModes: 'who may send the transaction: pull, the server; push, the payer',
  credentialTypes: 'what it takes as payment',
  decimals: 'decimals of the token',
})

/** The chain that a charge is to be paid on; `null` when it names none. Tempo's own is the default of its method. */
function chainOf(method: string, { chainId }: JsonObject): ChainId | null {
  const number = chainId ?? (method === 'tempo' ? 4217 : null)
  return Number.isSafeInteger(number) && Number(number) > 0 ? chainIdOf(Number(number)) : null
}

function canonicalRemarks(text: string, value: JsonObject): readonly Remark[] {
  if (Buffer.from(canonicalJson(value)).toString('base64url') === text.replace(/=+$/, '')) return []
  const says = 'The request is not in canonical form (RFC 8785): clients that write it anew change it.'
  return [remark('request-not-canonical', says, 'Sort the members, write no white space.')]
}

function expiryRemarks(expires: string | undefined, now: number): readonly Remark[] {
  if (expires === undefined)
    return [remark('expires-missing', 'It never expires.', 'Write expires, some minutes ahead.')]
  const end = Date.parse(expires)
  if (Number.isNaN(end)) return [malformed('expires', 'a date-time of RFC 3339')]
  if (end <= now)
    return [
      remark(
        'challenge-expired',
        `It expired at ${expires}.`,
        'Issue a new one for each 402; compare the clocks.',
      ),
    ]
  if (end < now + 15_000)
    return [remark('expires-soon', 'It expires within 15 s.', 'Give payers some minutes.')]
  return end > now + 86_400_000 ? [remark('expires-late', `It is good until ${expires}.`)] : []
}

function unknownMethod(method: string, intent: string): Remark {
  const name = `${cut(method, 40)} ${cut(intent, 40)}`
  return remark('method-unknown', `${name} is not among what Coffer pays by: tempo and evm charges.`)
}

function evmRemarks(details: JsonObject, decimals: number | undefined): readonly Remark[] {
  const { decimals: said, credentialTypes: types } = details
  return [
    ...(!Array.isArray(types) || !types.includes('authorization')
      ? [remark('no-authorization', 'The evm method takes no authorization, which is what clients send.')]
      : []),
    ...(said === undefined
      ? [remark('decimals-missing', 'methodDetails.decimals is missing: mppx wants it.', 'Write it.')]
      : []),
    ...(typeof said === 'number' && decimals !== undefined && said !== decimals
      ? [remark('decimals-differ', `The token has ${decimals} decimals, not ${said}.`, `Write ${decimals}.`)]
      : []),
  ]
}
