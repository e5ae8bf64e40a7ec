import type { JsonObject } from '../lib/json.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { Charge, Credential, HeaderField, Protocol } from './protocol.ts'

/** A credential and the protocol that reads it. */
export interface PresentedCredential {
  readonly protocol: Protocol
  readonly credential: Credential
}

/** Finds the one credential of a request; `null` when there is none. Two of them are a mistake of the client. */
export function presentedCredential(
  request: Headers,
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
  request: Headers,
  refusal: Refusal,
  protocols: readonly Protocol[],
): { readonly headers: readonly HeaderField[]; readonly members: JsonObject } {
  const challenges = protocols.flatMap((protocol) => protocol.challenge(charge, request, refusal) ?? [])
  return {
    headers: challenges.flatMap((challenge) => challenge.headers),
    members: Object.assign({}, ...challenges.map((challenge) => challenge.members)),
  }
}
