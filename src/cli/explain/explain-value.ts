import { parseJsonObject } from '../../lib/json.ts'
import type { Explanation } from '../show/explanation.ts'
import { openStandard, openUrlSafe } from './envelope.ts'
import { explainMppChallenges } from './explain-mpp-challenge.ts'
import { explainMppCredential } from './explain-mpp-credential.ts'
import { explainMppReceipt, explainX402Receipt } from './explain-receipt.ts'
import { explainSessionId, explainSessionToken } from './explain-session.ts'
import { explainPaymentRequired, explainV1Body } from './explain-x402-challenge.ts'
import { explainX402Credential } from './explain-x402-credential.ts'

/** Explains the value of a field. `null` when it is nothing of ours. */
type Explain = (value: string) => Explanation | null | Promise<Explanation>

/** Fields of the protocols, by their names in lower case. */
const FIELDS: Readonly<Record<string, Explain>> = {
  'payment-required': explainPaymentRequired,
  'payment-signature': (value) => explainX402Credential(value, 'PAYMENT-SIGNATURE'),
  'x-payment': (value) => explainX402Credential(value, 'X-PAYMENT'),
  'payment-response': (value) => explainX402Receipt(value, 'PAYMENT-RESPONSE'),
  'x-payment-response': (value) => explainX402Receipt(value, 'X-PAYMENT-RESPONSE'),
  'www-authenticate': explainMppChallenges,
  authorization: (value) => (/^payment\s/i.test(value) ? explainMppCredential(value) : null),
  'payment-receipt': explainMppReceipt,
  'x-session-token': explainSessionToken,
  'payment-session': explainSessionToken,
  'x-prudra-session-id': explainSessionId,
}

/**
 * Explains a field with or without its name, the JSON of an x402 version 1 body, or a whole head with the body behind it.
 *
 * @returns An explanation for each field that is of a protocol: none when there is none.
 */
export async function explainText(text: string): Promise<readonly Explanation[]> {
  const trimmed = text.trim()
  const named = await explainLines(trimmed)
  if (named.length > 0) return named
  const found = await explainUnnamed(trimmed)
  return found === null ? [] : [found]
}

const NAME = Object.keys(FIELDS).join('|')

async function explainLines(text: string): Promise<readonly Explanation[]> {
  const found: Explanation[] = []
  // A challenge of each method may have a line of its own.
  const challenges: string[] = []
  for (const [, name = '', value = ''] of text.matchAll(
    new RegExp(`^(?:[<>] )?(${NAME})(?::|[ \t])[ \t]*(.*)$`, 'gim'),
  )) {
    if (name.toLowerCase() === 'www-authenticate') {
      challenges.push(value.trim())
      continue
    }
    const explained = await FIELDS[name.toLowerCase()]?.(value.trim())
    if (explained != null) found.push(explained)
  }
  const mpp = challenges.length === 0 ? null : explainMppChallenges(challenges.join(', '))
  const body = found.length + challenges.length === 0 ? null : bodyOf(text)
  return [...found, ...(mpp === null ? [] : [mpp]), ...(body === null ? [] : [body])]
}

/** The challenge of x402 version 1 that stands below a head. */
function bodyOf(text: string): Explanation | null {
  const end = text.search(/\n\r?\n/)
  const json = end < 0 ? null : parseJsonObject(text.slice(end).trim())
  return json?.['x402Version'] === 1 && 'accepts' in json ? explainV1Body(json) : null
}

/** What a value is, by what it holds. */
async function explainUnnamed(text: string): Promise<Explanation | null> {
  if (/^payment\s+[A-Za-z0-9_-]+=*$/i.test(text)) return explainMppCredential(text)
  if (/^payment\s/i.test(text)) return explainMppChallenges(text)
  if (/^sess_[A-Za-z0-9_-]+$/.test(text)) return explainSessionId(text)
  if (/^[A-Za-z0-9_-]+\.0x[0-9a-f]+$/i.test(text)) return explainSessionToken(text)
  const plain = parseJsonObject(text)
  if (plain !== null) return 'accepts' in plain ? explainV1Body(plain) : null
  const { value } = openStandard(text, '')
  if (value === null) return null
  if ('accepts' in value) return explainPaymentRequired(text)
  if ('challenge' in value && 'payload' in value) return explainMppCredential(`Payment ${text}`)
  if ('accepted' in value || ('payload' in value && value['x402Version'] === 2))
    return explainX402Credential(text, 'PAYMENT-SIGNATURE')
  if ('payload' in value) return explainX402Credential(text, 'X-PAYMENT')
  if ('success' in value) {
    // Version 1 has names of its own for chains.
    const isV2 = JSON.stringify(value['network'] ?? '').includes(':')
    return explainX402Receipt(text, isV2 ? 'PAYMENT-RESPONSE' : 'X-PAYMENT-RESPONSE')
  }
  return 'reference' in (openUrlSafe(text, '').value ?? {}) ? explainMppReceipt(text) : null
}
