import { decodeBase64Text, encodeBase64 } from '../../lib/base64.ts'
import { type Json, type JsonObject, parseJsonObject } from '../../lib/json.ts'

/** Writes what x402 carries in a field: padded standard base64 of UTF-8 JSON. Official decoders refuse base64url. */
export function encodeEnvelope(value: Json): string {
  return encodeBase64(JSON.stringify(value))
}

/** Reads such a field; `null` when it is not base64, not UTF-8, not a JSON object, or nested too deep. */
export function decodeEnvelope(text: string): JsonObject | null {
  const json = decodeBase64Text(text)
  return json === null ? null : parseJsonObject(json)
}
