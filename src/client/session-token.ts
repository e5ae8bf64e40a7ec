import { attempt, type Signer } from '../evm/signer.ts'
import { encodeBase64url } from '../lib/base64.ts'
import { canonicalJson } from '../lib/json.ts'
import type { HeaderField } from '../lib/message.ts'
import type { SessionRecord } from './sessions.ts'

/** What a token says of its own end, when it was not opened for a time; the server decides. */
const TOKEN_MS = 3_600_000

const seconds = (instant: number): number => Math.floor(instant / 1000)

/**
 * Signs a session token, and writes the fields by which servers know it: base64url of JSON with sorted keys, a point, and an
 * EIP-191 signature of the JSON. It names the payment; what that is good for is the server's to decide.
 *
 * @returns `null` for a wallet that signs no texts.
 * @throws CofferError `signing-failed`.
 */
export async function signSession(
  { id, url, scope, openedAt, expiresAt, payment }: SessionRecord,
  signer: Signer,
): Promise<readonly HeaderField[] | null> {
  if (signer.signMessage === undefined) return null
  const message = canonicalJson({
    version: 1,
    sessionId: id,
    walletAddress: signer.address,
    endpoint: url,
    scope: scope === 'exact' ? 'exact' : 'prefix',
    createdAt: seconds(openedAt),
    expiresAt: seconds(expiresAt ?? openedAt + TOKEN_MS),
    paymentTxHash: payment.transaction,
    paymentAmount: payment.amount,
  })
  const signature = await attempt(async () => signer.signMessage?.({ message }))
  const token = `${encodeBase64url(message)}.${signature}`
  return [
    ['X-Session-Token', token],
    ['X-Session-Wallet', signer.address],
    ['PAYMENT-SESSION', token],
  ]
}
