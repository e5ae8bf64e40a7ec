import type { Json, JsonObject } from '../lib/json.ts'
import type { Fields, HeaderField } from '../lib/message.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { Charge, Credential, Protocol } from './protocol.ts'

/** A credential and the protocol that reads it. */
export interface PresentedCredential {
  readonly protocol: Protocol
  readonly credential: Credential
}

/** Finds the one credential of a request; `null` when there is none. Two of them are a mistake of the client. */
export function presentedCredential(
  request: Fields,
  protocols: readonly Protocol[],
): PresentedCredential | Refusal | null {
  let found: PresentedCredential | Refusal | null = null
  for (const protocol of protocols) {
    const credential = protocol.credential(request)
    if (credential === null) continue
    if (found !== null) {
      return refuse('bad-request', 'The request carries more than one credential.', {
        expected: 'one credential',
      })
    }
    found = isRefusal(credential) ? credential : { protocol, credential }
  }
  return found
}

/** The one 402 that all clients can pay: every protocol's fields and members side by side. */
export function composeChallenge(
  charge: Charge,
  request: Fields,
  refusal: Refusal,
  protocols: readonly Protocol[],
): { readonly fields: readonly HeaderField[]; readonly members: JsonObject } {
  const fields: HeaderField[] = []
  const members: Record<string, Json> = {}
  for (const protocol of protocols) {
    const challenge = protocol.challenge(charge, request, refusal)
    fields.push(...(challenge?.headers ?? []))
    Object.assign(members, challenge?.members)
  }
  return { fields, members }
}
