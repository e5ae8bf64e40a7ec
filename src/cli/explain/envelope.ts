import { type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { decodeEnvelope as decodeUrlSafe } from '../../protocols/mpp/envelope.ts'
import { decodeEnvelope as decodeStandard } from '../../protocols/x402/envelope.ts'
import { type Remark, remark } from '../show/remark.ts'

/** What an encoded value holds, and what is wrong with how it is encoded. */
export interface Opened {
  /** `null` when it holds no JSON object. */
  readonly value: JsonObject | null
  readonly remarks: readonly Remark[]
}

/** Opens what x402 carries: padded standard base64 of JSON. What is almost that is opened, too, with a remark. */
export function openStandard(text: string, name: string): Opened {
  const advice = 'Official clients want standard base64 (RFC 4648 section 4), with its padding.'
  return open(text, name, decodeStandard, 'padded standard base64', advice)
}

/** Opens what MPP carries: base64url of JSON without padding. What is almost that is opened, too, with a remark. */
export function openUrlSafe(text: string, name: string): Opened {
  const advice = 'Official clients want base64url (RFC 4648 section 5), without padding.'
  return open(text, name, decodeUrlSafe, 'unpadded base64url', advice)
}

function open(
  text: string,
  name: string,
  decode: (text: string) => JsonObject | null,
  encoding: string,
  advice: string,
): Opened {
  const strict = decode(text)
  if (strict !== null) return { value: strict, remarks: [] }
  const value = decodeLeniently(text)
  const says = value === null ? `${name} is not base64 of a JSON object.` : `${name} is not ${encoding}.`
  return { value, remarks: [remark(value === null ? 'not-json' : 'not-base64', says, advice)] }
}

/** As forgiving as some clients are, and others not. */
function decodeLeniently(text: string): JsonObject | null {
  const bytes = Buffer.from(text, 'base64')
  return parseJsonObject(bytes.toString('utf8'))
}
