import {
  type AuthItem,
  formatAuthItem,
  formatParams,
  isAuthSyntaxError,
  parseAuthItems,
} from '../../lib/auth-params.ts'
import { encodeBase64url } from '../../lib/base64.ts'
import { toHex } from '../../lib/hex.ts'
import type { Random } from '../../lib/id.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Challenge, Charge } from '../protocol.ts'
import type { ChallengeSigner } from './challenge-signer.ts'
import { fixedParams } from './fixed-params.ts'
import { AUTHORIZATION, PAYMENT_SCHEME, WWW_AUTHENTICATE } from './headers.ts'
import { CHARGE_INTENT, type Method } from './method.ts'

/** Parameters of one challenge (draft-httpauth-payment-00 section 5.1), each as it stands on the wire. */
export interface ChallengeParams {
  /** What the other parameters were authenticated with; clients echo it. */
  readonly id: string
  readonly realm: string
  readonly method: string
  readonly intent: string
  /** Base64url of the method's canonical JSON: what to pay. */
  readonly request: string
  /** RFC 3339 date-time. */
  readonly expires?: string | undefined
  /** For people only: the one parameter that the id does not cover. */
  readonly description?: string | undefined
  /** Digest of the request body (RFC 9530). Clients write it in more than one way, so it is compared as it is. */
  readonly digest?: string | undefined
  /** Base64url of canonical JSON: our own data, echoed unchanged. */
  readonly opaque?: string | undefined
}

const NAMES = [
  'id',
  'realm',
  'method',
  'intent',
  'request',
  'description',
  'expires',
  'digest',
  'opaque',
] as const

/** Writes one field per method. Two challenges never have the same id, even when issued in the same instant. */
export function createChallenge(
  methods: readonly Method[],
  charge: Charge,
  signer: ChallengeSigner,
  random: Random,
): Challenge {
  const { realm, digest } = charge
  // In the form that RFC 8785 gives it: members in order, no white space.
  const opaque = encodeBase64url(`{"nonce":"${toHex(random(16))}","route":${JSON.stringify(charge.route)}}`)
  const expires = new Date(charge.expiresAt).toISOString()
  const issued = { expires, ...(digest !== null && { digest }), opaque }
  const issuedText = formatParams(issued)
  const headers = methods.map((method) => {
    const { request, text } = fixedParams(method, charge)
    const id = signer.sign({ realm, method: method.name, intent: CHARGE_INTENT, request, ...issued })
    return [
      WWW_AUTHENTICATE,
      `${formatAuthItem(PAYMENT_SCHEME, { id, realm })}, ${text}, ${issuedText}`,
    ] as const
  })
  return { headers }
}

const PROOF_PREFIX = 'mpp:challenge:'

/** What every credential spends, whatever its method: the challenge that it answers. */
export function challengeProof(id: string): string {
  return PROOF_PREFIX + id
}

/** Id of the challenge that a payment answered. */
export function challengeOf(payment: Payment): string {
  return payment.proofs[0]?.slice(PROOF_PREFIX.length) ?? ''
}

/** Formats a challenge for `WWW-Authenticate`. */
export function formatChallenge(params: ChallengeParams): string {
  return formatAuthItem(PAYMENT_SCHEME, { ...params }, NAMES)
}

/**
 * Parses the Payment challenges of a `WWW-Authenticate` field; those of other schemes are passed over, and so are
 * unknown parameters. `null` when the field is malformed; `null` in the place of a challenge that lacks a parameter, or
 * that wants its credential in a field of its own (a later draft): such a one spoils no other.
 */
export function parseChallenges(field: string): readonly (ChallengeParams | null)[] | null {
  const items = parseAuthItems(field)
  if (isAuthSyntaxError(items)) return null
  return items.filter(({ scheme }) => scheme.toLowerCase() === PAYMENT_SCHEME.toLowerCase()).map(readParams)
}

function readParams({ params }: AuthItem): ChallengeParams | null {
  const [id, realm, method, intent, request, description, expires, digest, opaque] = NAMES.map((name) =>
    params.get(name),
  )
  const field = params.get('header') ?? AUTHORIZATION
  if (!id || realm === undefined || !method || !intent || !request) return null
  if (field.toLowerCase() !== AUTHORIZATION.toLowerCase()) return null
  return { id, realm, method, intent, request, expires, description, digest, opaque }
}
