import { recoverSigner } from '../../evm/signature.ts'
import { isAuthSyntaxError, parseAuthItems } from '../../lib/auth-params.ts'
import { isHex } from '../../lib/hex.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { chainNumberOf } from '../../payments/chain.ts'
import { isRefusal } from '../../problems/refusal.ts'
import type { ChargeRequest } from '../../protocols/mpp/charge-request.ts'
import { nonceOf } from '../../protocols/mpp/evm/nonce.ts'
import { parseSource } from '../../protocols/mpp/source.ts'
import { proofDigest } from '../../protocols/mpp/tempo/proof.ts'
import { readTransaction } from '../../protocols/mpp/tempo/transaction.ts'
import { type Explanation, hiding, unreadable } from '../show/explanation.ts'
import { type Field, shorten } from '../show/field-list.ts'
import { type Remark, remark } from '../show/remark.ts'
import { knownToken } from '../show/token-name.ts'
import { openUrlSafe } from './envelope.ts'
import { explainChallenge, readCharge } from './explain-mpp-challenge.ts'
import { explainAuthorization, signerRemark } from './explain-x402-credential.ts'
import { malformed, shown } from './token-remarks.ts'
import { transactionFields } from './transaction-fields.ts'

/** The rest of a credential becomes public on the chain; its challenge does not. */
const ANSWERED = 'challenge: what it answers, as the client sends it back'

const WHAT = 'Authorization: a payment of MPP. Whoever has it may use it'

/** Explains `Authorization: Payment …`: what pays, the challenge that it answers, and whether its signature is right. */
export async function explainMppCredential(field: string): Promise<Explanation> {
  const items = parseAuthItems(field)
  const payments = isAuthSyntaxError(items) ? [] : items.filter(({ scheme }) => /^payment$/i.test(scheme))
  const [item] = payments
  if (item?.token68 == null)
    return unreadable(WHAT, remark('malformed', 'It is not Payment and base64url of a JSON object.'))
  const { value, remarks } = openUrlSafe(item.token68, 'The credential')
  if (value === null) return unreadable(WHAT, ...remarks)
  const { challenge, payload, source } = value
  const params = paramsOf(challenge)
  const charge = readCharge(params)
  const paid = await explainPayload(isJsonObject(payload) ? payload : {}, charge, source)
  return {
    what: WHAT,
    fields: [{ name: 'source', value: shown(source), meaning: 'who says that they pay' }, ...paid.fields],
    remarks: [
      ...remarks,
      ...(payments.length > 1
        ? [
            remark(
              'credential-repeated',
              `There are ${payments.length} Payment credentials: servers refuse that.`,
            ),
          ]
        : []),
      ...(typeof charge === 'string' ? [remark('challenge-unreadable', charge)] : []),
      ...paid.remarks,
    ],
    parts: [hiding(explainChallenge(params, ANSWERED), (name) => name === 'id' || name === 'opaque')],
  }
}

function paramsOf(challenge: unknown): Readonly<Record<string, string>> {
  const entries = isJsonObject(challenge) ? Object.entries(challenge) : []
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(texts)
}

interface Paid {
  readonly fields: readonly Field[]
  readonly remarks: readonly Remark[]
}

async function explainPayload(
  payload: JsonObject,
  charge: ChargeRequest | string,
  source: unknown,
): Promise<Paid> {
  const { type } = payload
  const kind = (meaning: string): Field => ({ name: 'payload.type', value: shown(type), meaning })
  const known = typeof charge === 'string' ? null : charge
  switch (type) {
    case 'authorization': {
      const paid = explainAuthorizationOf(payload, known)
      return { ...paid, fields: [kind('an authorization to move money (EIP-3009)'), ...paid.fields] }
    }
    case 'transaction': {
      const paid = await explainTransaction(payload['signature'], known)
      return { ...paid, fields: [kind('a signed transaction, for the server to send'), ...paid.fields] }
    }
    case 'hash': {
      const { hash } = payload
      const field = {
        name: 'payload.hash',
        value: shown(hash),
        meaning: 'transaction that the payer has sent',
      }
      const remarks = isHex(hash, 32) ? [] : [malformed('payload.hash', '32 bytes of hexadecimal')]
      return { fields: [kind('a transaction that is on the chain'), field], remarks }
    }
    case 'proof': {
      const paid = explainProof(payload['signature'], known, source)
      return { ...paid, fields: [kind('proves an account, for a price of zero'), ...paid.fields] }
    }
    default:
      return {
        fields: [kind('')],
        remarks: [remark('payload-unknown', `The payload is ${shown(type)}.`)],
      }
  }
}

function explainAuthorizationOf(
  { signature, ...authorization }: JsonObject,
  charge: ChargeRequest | null,
): Paid {
  const token = charge && knownToken(charge.chain, charge.currency)
  const paid = explainAuthorization(
    { signature: signature ?? null, authorization },
    charge?.chain ?? null,
    token,
  )
  if (charge === null || paid.authorization === null) return paid
  const { value, to, nonce } = paid.authorization
  const { id, realm } = charge.challenge
  const remarks = [
    ...paid.remarks,
    ...(value === charge.amount
      ? []
      : [remark('amount-differs', `It pays ${value}, the challenge asks ${charge.amount}.`)]),
    ...(to === charge.recipient
      ? []
      : [remark('recipient-differs', `It pays ${to}, the challenge wants ${charge.recipient} paid.`)]),
    ...(nonce.toLowerCase() === nonceOf(id, realm)
      ? []
      : [remark('nonce-differs', 'Its nonce is not that of the challenge: it pays for another one.')]),
  ]
  return { fields: paid.fields, remarks }
}

async function explainTransaction(raw: unknown, charge: ChargeRequest | null): Promise<Paid> {
  const field = {
    name: 'payload.signature',
    value: secret(raw),
    meaning: 'the transaction, encoded',
  }
  const read = isHex(raw) ? await readTransaction(raw) : null
  if (read === null || isRefusal(read)) {
    const says = read === null ? 'The transaction is not hexadecimal.' : read.detail
    return { fields: [field], remarks: [remark('transaction-unreadable', says)] }
  }
  const { sender, hash, chainNumber, calls, validBefore, isRecovered } = read
  const token = charge && knownToken(charge.chain, charge.currency)
  const fields = [
    field,
    {
      name: 'sender',
      value: sender,
      meaning: isRecovered ? 'signed it, by its signature' : 'says that it signed it',
    },
    { name: 'hash', value: hash, meaning: 'by which the chain knows it' },
    ...transactionFields(
      { calls, chainId: chainNumber, ...(validBefore !== null && { validBefore }) },
      token,
    ),
  ]
  const isElsewhere = charge !== null && chainNumberOf(charge.chain) !== chainNumber
  const remarks = [
    ...(isElsewhere ? [remark('network-differs', 'It is for another chain than its challenge.')] : []),
    ...(validBefore !== null && validBefore * 1000 <= Date.now()
      ? [remark('payment-expired', 'The transaction is not valid any more.')]
      : []),
  ]
  return { fields, remarks }
}

function explainProof(signature: unknown, charge: ChargeRequest | null, source: unknown): Paid {
  const field = { name: 'payload.signature', value: secret(signature), meaning: '' }
  const payer = typeof source === 'string' ? parseSource(source) : null
  if (charge === null || payer === null || !isHex(signature)) {
    const says = 'The signature is not checked: its source, its challenge or itself is malformed.'
    return { fields: [field], remarks: [remark('malformed-member', says)] }
  }
  const { id: challengeId, realm } = charge.challenge
  const account = payer.address
  const digest = proofDigest({ account, challengeId, realm, chainNumber: chainNumberOf(charge.chain) })
  return {
    fields: [field],
    remarks: [signerRemark(recoverSigner(digest, signature), account, 'for this challenge')],
  }
}

/** A member that is a secret, if it is there. */
function secret(value: unknown): string {
  return typeof value === 'string' ? shorten(value) : shown(undefined)
}
