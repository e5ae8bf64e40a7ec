import { isJsonObject, type JsonObject, parseJsonObject } from '../../src/lib/json.ts'
import type { Sent } from '../clients/wire.ts'

/** The authorization of an x402 v2 request as a v1 client would send it. */
export function asV1({ headers, ...sent }: Sent): Sent {
  const { payload } = decode(headers['payment-signature'] ?? '', 'base64')
  return { ...sent, headers: v1Fields(payload as JsonObject) }
}

/** The authorization of an MPP `evm` request as an x402 v1 client would send it. */
export function mppAsV1({ headers, ...sent }: Sent): Sent {
  const { payload } = decode(headers['authorization']?.replace('Payment ', '') ?? '', 'base64url')
  if (!isJsonObject(payload)) throw new Error('the credential has no payload')
  const { signature, type: _type, ...authorization } = payload
  return { ...sent, headers: v1Fields({ signature: signature ?? '', authorization }) }
}

function v1Fields(payload: JsonObject): Record<string, string> {
  const credential = { x402Version: 1, scheme: 'exact', network: 'base-sepolia', payload }
  return { 'x-payment': Buffer.from(JSON.stringify(credential)).toString('base64') }
}

function decode(text: string, encoding: 'base64' | 'base64url'): JsonObject {
  const object = parseJsonObject(Buffer.from(text, encoding).toString())
  if (object === null) throw new Error('the credential is no object')
  return object
}
