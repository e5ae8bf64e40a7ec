import type { EvmNetwork } from '../evm/network.ts'
import type { SignedTransfer } from '../evm/settler.ts'
import { checkTransfer } from '../evm/transfer.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { parseAddress } from '../payments/address.ts'
import { parseAmount } from '../payments/amount.ts'
import type { Settlement } from '../payments/settlement.ts'
import { isRefusal } from '../problems/refusal.ts'
import { type Content, readCredential } from '../protocols/x402/credential.ts'
import { encodeEnvelope } from '../protocols/x402/envelope.ts'
import type { FacilitatorOptions } from '../protocols/x402/facilitator.ts'
import { PAYMENT_SIGNATURE } from '../protocols/x402/headers.ts'
import { createFakeServer, type FakeServer } from './fault.ts'

/**
 * An x402 facilitator in process: `verify`, `settle` and `supported` (x402 v2 section 7) over a chain. It checks what the
 * reference facilitator checks, and submits with a wallet of its own.
 */
export interface FakeFacilitator extends FakeServer {
  /** How it is reached: `settle: facilitator(fake.endpoint)`. */
  readonly endpoint: FacilitatorOptions
}

/** What it settles on: a fake chain, or anything else that makes a network with a settling wallet. */
export interface FakeFacilitatorOptions {
  network(): EvmNetwork
  readonly clock: Clock
}

/** Opens a facilitator on a chain. */
export function createFakeFacilitator(chain: FakeFacilitatorOptions): FakeFacilitator {
  const network = chain.network()
  const url = 'https://facilitator.test'

  async function verify(transfer: SignedTransfer, amount: bigint, recipient: string): Promise<string | null> {
    const expected = {
      amount,
      recipient: parseAddress(recipient) ?? '0x',
      now: chain.clock(),
      settlesLater: true,
    }
    const refused = await checkTransfer(transfer, expected)
    return refused && (refused.cause ?? refused.reason)
  }

  async function serve(call: string, body: JsonObject): Promise<JsonObject> {
    if (call === 'supported') {
      const kind = { x402Version: 2, scheme: 'exact', network: network.id }
      return { kinds: [kind], extensions: [], signers: {} }
    }
    const read = readCall(body, network)
    if (typeof read === 'string') return refusalOf(call, read, null, network)
    const { transfer, amount, recipient } = read
    const payer = transfer.authorization.from
    const refused = await verify(transfer, amount, recipient)
    if (refused !== null) return refusalOf(call, refused, payer, network)
    if (call === 'verify') return { isValid: true, payer }
    return settlementOf(await network.settler.settle(transfer), payer, network)
  }

  const server = createFakeServer({
    nameOf: ({ url }) => new URL(url).pathname.slice(1),
    serve,
  })
  return { ...server, endpoint: { url, fetch: server.fetch } }
}

/** What a call is about, or why it is about nothing. */
function readCall({ paymentPayload, paymentRequirements }: JsonObject, network: EvmNetwork) {
  const requirements = isJsonObject(paymentRequirements) ? paymentRequirements : {}
  const envelope = encodeEnvelope(paymentPayload ?? null)
  const credential = readCredential(new Headers({ [PAYMENT_SIGNATURE]: envelope }))
  if (credential === null || isRefusal(credential)) return 'invalid_payload'
  if (requirements['scheme'] !== 'exact') return 'unsupported_scheme'
  if (requirements['network'] !== network.id) return 'invalid_network'
  const { authorization, signature } = credential.content as Content
  const token = network.assets.find(({ address }) => address === parseAddress(requirements['asset']))
  const { name, version } = isJsonObject(requirements['extra']) ? requirements['extra'] : {}
  const amount = parseAmount(requirements['amount'])
  const recipient = parseAddress(requirements['payTo'])
  if (token === undefined || amount === null || recipient === null) return 'invalid_payment_requirements'
  if (typeof name !== 'string' || typeof version !== 'string')
    return 'invalid_exact_evm_missing_eip712_domain'
  // The domain that it is told is the one it checks with; the token has its own.
  const asset = { ...token, eip712: { name, version } }
  return { transfer: { network, asset, authorization, signature, resource: '' }, amount, recipient }
}

function refusalOf(call: string, reason: string, payer: string | null, network: EvmNetwork): JsonObject {
  const who = payer === null ? {} : { payer }
  if (call === 'verify') return { isValid: false, invalidReason: reason, ...who }
  return { success: false, errorReason: reason, transaction: '', network: network.id, ...who }
}

function settlementOf(settlement: Settlement, payer: string, { id: network }: EvmNetwork): JsonObject {
  switch (settlement.outcome) {
    case 'settled':
      return { success: true, transaction: settlement.transaction ?? '', network, payer }
    case 'failed':
      return { success: false, errorReason: settlement.cause, transaction: '', network, payer }
    case 'unknown':
      return {
        success: false,
        errorReason: 'settlement_pending',
        transaction: settlement.transaction ?? '',
        network,
        payer,
      }
    case 'unsent':
      return { success: false, errorReason: 'unexpected_settle_error', transaction: '', network, payer }
  }
}
