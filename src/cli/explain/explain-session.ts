import { personalDigest, recoverSigner } from '../../evm/signature.ts'
import { decodeBase64url } from '../../lib/base64.ts'
import { isHex } from '../../lib/hex.ts'
import { parseJsonObject } from '../../lib/json.ts'
import { parseAddress } from '../../payments/address.ts'
import { type Explanation, unreadable } from '../show/explanation.ts'
import { meaningsOf, shorten, showTime } from '../show/field-list.ts'
import { remark } from '../show/remark.ts'
import { signerRemark } from './explain-x402-credential.ts'
import { shown } from './token-remarks.ts'

const meaningOf = meaningsOf({
  version: 'version of the token',
  sessionId: "the client's own name for the session",
  walletAddress: 'who paid, and signed the token',
  endpoint: 'where the session was opened',
  scope: 'exact: this URL; prefix: what is below it',
  paymentTxHash: 'transaction that paid for it',
  paymentAmount: 'whole tokens that were paid',
})

/** Explains a session token that a client signed: base64url of JSON, a point, and a signature (EIP-191). */
export function explainSessionToken(text: string): Explanation {
  const what = 'X-Session-Token: a session that a client has signed for. Whoever has it may use it'
  const [encoded = '', signature = ''] = text.split('.')
  const json = Buffer.from(decodeBase64url(encoded) ?? []).toString('utf8')
  const claims = parseJsonObject(json)
  const payer = parseAddress(claims?.['walletAddress'])
  if (claims === null || payer === null || !isHex(signature)) {
    const says = 'It is not base64url of a JSON object, a point, and a signature in hexadecimal.'
    return unreadable(what, remark('malformed', says))
  }
  const fields = Object.entries(claims).map(([name, value]) => ({
    name,
    value: shown(value),
    meaning: isTime(name) ? showTime(millis(value)) : meaningOf(name),
  }))
  // Clients sign the JSON or its encoding: both are good.
  const signers = [json, encoded].map((message) => recoverSigner(personalDigest(message), signature))
  const signer = signers.find((each) => each === payer) ?? signers[0] ?? null
  const end = millis(claims['expiresAt'])
  return {
    what,
    fields: [...fields, { name: 'signature', value: shorten(signature), meaning: '' }],
    parts: [],
    remarks: [
      signerRemark(signer, payer, 'for this token'),
      ...(end <= Date.now() ? [remark('session-expired', `It says that it ended ${showTime(end)}.`)] : []),
      remark('server-decides', 'Until when it is good, and for what, is for the server to decide.'),
    ],
  }
}

/** Explains the id of a session, which says nothing but itself. */
export function explainSessionId(text: string): Explanation {
  const what = 'The id of a session: whoever has it may use it'
  const isOurs = /^sess_[A-Za-z0-9_-]{16,}$/.test(text)
  return {
    what,
    fields: [
      { name: 'id', value: shorten(text), meaning: isOurs ? 'as Coffer draws them' : 'of another server' },
    ],
    parts: [],
    remarks: [],
  }
}

function isTime(name: string): boolean {
  return name === 'createdAt' || name === 'expiresAt'
}

/** Some clients write seconds, some milliseconds. */
function millis(value: unknown): number {
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
  return number < 1e11 ? number * 1000 : number
}
