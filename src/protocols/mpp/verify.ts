import type { Clock } from '../../lib/clock.ts'
import { isRefusal, type Refusal, refuse } from '../../problems/refusal.ts'
import type { Charge, Verified } from '../protocol.ts'
import { type ChallengeParams, challengeProof } from './challenge.ts'
import type { ChallengeSigner } from './challenge-signer.ts'
import type { Content } from './credential.ts'
import { decodeEnvelope } from './envelope.ts'
import { fixedParams } from './fixed-params.ts'
import { CHARGE_INTENT, type Method } from './method.ts'

/** No challenge lives longer: one that claims to was made with a secret of ours, but not by us. */
const MAX_LIFE_MS = 86_400_000

/** RFC 3339 date-time; `Date.parse` alone would take much more. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** Checks a credential: its challenge first, which decides what is owed, then the payload of its method. */
export async function verifyContent(
  { challenge, payload, source }: Content,
  charge: Charge,
  methods: readonly Method[],
  signer: ChallengeSigner,
  clock: Clock,
): Promise<Verified | Refusal> {
  if (!signer.verify(challenge)) return invalid('it was not issued by this server, or was changed')
  const method = matchMethod(challenge, charge, methods)
  if (isRefusal(method)) return method
  const now = clock()
  const expired = checkExpiry(challenge.expires, now)
  if (expired !== null) return expired

  const { id: challengeId, realm } = challenge
  const verified = await method.verify({ challengeId, realm, payload, source, now }, charge)
  if (isRefusal(verified)) return verified
  return {
    ...verified,
    proofs: [challengeProof(challengeId), ...verified.proofs],
    method: method.name,
    network: method.chain,
  }
}

/** The challenge is ours; now it must also be what this very route would ask for. */
function matchMethod(
  challenge: ChallengeParams,
  charge: Charge,
  methods: readonly Method[],
): Method | Refusal {
  if (challenge.realm !== charge.realm) return mismatch('realm', charge.realm, challenge.realm)
  const named = methods.filter(({ name }) => name === challenge.method)
  if (named.length === 0)
    return mismatch('method', methods.map(({ name }) => name).join(', '), challenge.method)
  if (challenge.intent !== CHARGE_INTENT) return mismatch('intent', CHARGE_INTENT, challenge.intent)
  const method = named.find((candidate) => fixedParams(candidate, charge).request === challenge.request)
  if (method === undefined) return invalid('its request is not what this route asks for')
  if ((challenge.digest ?? null) !== charge.digest)
    return mismatch('digest', charge.digest ?? 'none', challenge.digest)
  const route = decodeEnvelope(challenge.opaque ?? '')?.['route']
  if (route !== charge.route)
    return mismatch('route', charge.route, typeof route === 'string' ? route : undefined)
  return method
}

/** Whether a challenge has ended, or never had an end that we would have given it. */
function checkExpiry(expires: string | undefined, now: number): Refusal | null {
  const at = expires !== undefined && DATE_TIME.test(expires) ? Date.parse(expires) : Number.NaN
  if (Number.isNaN(at)) return mismatch('expires', 'an RFC 3339 date-time', expires)
  if (at <= now) return refuse('challenge-expired', `The challenge expired at ${expires}.`)
  return at > now + MAX_LIFE_MS ? invalid('it lives longer than a day') : null
}

function mismatch(what: string, expected: string, got = 'none'): Refusal {
  return refuse('invalid-challenge', `The credential answers another challenge: its ${what} differs.`, {
    expected,
    got: got.slice(0, 100),
  })
}

function invalid(why: string): Refusal {
  return refuse('invalid-challenge', `The credential answers no challenge of this route: ${why}.`)
}
