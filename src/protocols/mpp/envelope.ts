import { decodeBase64urlText, encodeBase64url } from '../../lib/base64.ts'
import { canonicalJson, type JsonObject, parseJsonObject } from '../../lib/json.ts'

/** Writes what the Payment scheme carries: unpadded base64url of JSON in its one canonical form (RFC 8785). */
export function encodeEnvelope(value: JsonObject): string {
  return encodeBase64url(canonicalJson(value))
}

/** Reads it, in any form of JSON; `null` when it is not base64url, not UTF-8, not an object, or nested too deep. */
export function decodeEnvelope(text: string): JsonObject | null {
  const json = decodeBase64urlText(text)
  return json === null ? null : parseJsonObject(json)
}
