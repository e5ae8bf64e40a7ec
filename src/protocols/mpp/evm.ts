import * as z from 'zod/mini'
import { confirmPayment, watchesPayment } from '../../evm/finality.ts'
import type { EvmNetwork } from '../../evm/network.ts'
import { authorizationEvidence } from '../../evm/reconcile.ts'
import {
  deferTransfer,
  reconcileTransfer,
  settleDeferredTransfer,
  settleTransfer,
} from '../../evm/settlement.ts'
import type { SignedTransfer } from '../../evm/settler.ts'
import { checkTransfer } from '../../evm/transfer.ts'
import { type Hex, isHex } from '../../lib/hex.ts'
import { parseAmount, toBaseUnits } from '../../payments/amount.ts'
import type { Asset } from '../../payments/asset.ts'
import { chainNumberOf } from '../../payments/chain.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import { isRefusal, type Refusal, refuse } from '../../problems/refusal.ts'
import type { Charge } from '../protocol.ts'
import { malformed } from './credential.ts'
import { nonceOf } from './evm/nonce.ts'
import { descriptionOf, type Method, type Presented } from './method.ts'
import { parseSource } from './source.ts'

/** What {@link evm} takes. */
export interface EvmOptions {
  /** Chain to be paid on, in its first token: `base({ … })`. */
  readonly network: EvmNetwork
}

const address = z.pipe(
  z.custom<Hex>((value) => isHex(value, 20), 'an address'),
  z.transform(lower),
)
const bytes32 = z.pipe(
  z.custom<Hex>((value) => isHex(value, 32), '32 bytes of hexadecimal'),
  z.transform(lower),
)
const integer = z.pipe(
  z.custom<string>((value) => parseAmount(value) !== null, 'a decimal integer as text'),
  z.transform((value) => BigInt(value)),
)

/** Payload of the type `authorization` (draft-evm-charge-00 section 6.3). */
const schema = z.object({
  type: z.literal('authorization', 'authorization'),
  from: address,
  to: address,
  value: integer,
  validAfter: integer,
  validBefore: integer,
  nonce: bytes32,
  signature: z.custom<Hex>((value) => isHex(value), 'hexadecimal bytes'),
})

/**
 * Paid on an EVM chain (draft-evm-charge-00) by an EIP-3009 authorization, which the network's settler submits. One of
 * value 0 pays a zero price: the signature is checked and claimed, nothing is sent.
 *
 * @throws CofferError `invalid-option`.
 */
export function evm(options: EvmOptions): Method {
  refuseUnknownOptions(options, ['network'], 'evm')
  const { network } = options
  const [asset] = network.assets
  if (asset === undefined) return invalidOption('evm.network', 'a network with a token')

  return {
    name: 'evm',
    chain: network.id,
    asset,
    request: (terms) => ({
      amount: toBaseUnits(terms.price, asset.decimals).toString(),
      currency: asset.address,
      recipient: terms.recipient(network.id),
      ...descriptionOf(terms),
      methodDetails: {
        chainId: chainNumberOf(network.id),
        credentialTypes: ['authorization'],
        decimals: asset.decimals,
      },
    }),
    checkPrice: (price) => void toBaseUnits(price, asset.decimals),
    async verify(presented, charge) {
      const transfer = readTransfer(presented, charge, network, asset)
      if (isRefusal(transfer)) return transfer
      const amount = toBaseUnits(charge.price, asset.decimals)
      const recipient = charge.recipient(network.id)
      const refused = await checkTransfer(transfer, {
        amount,
        recipient,
        now: presented.now,
        settlesLater: charge.settlesLater,
      })
      if (refused !== null) return refused
      const { from, nonce } = transfer.authorization
      return {
        asset,
        amount,
        payer: from,
        recipient,
        // The payer chose the nonce to fit our challenge, but the token sees an authorization like any other: as an
        // x402 credential it would pass too. Named as x402 names it, it is spent there when it is spent here.
        proofs: [`x402:${network.id}:${asset.address}:${from}:${nonce}`],
        evidence: authorizationEvidence(transfer),
        deferred: deferTransfer(transfer),
        settle: () => settleTransfer(transfer),
      }
    },
    watches: (payment) => watchesPayment(payment, network),
    confirm: (payment) => confirmPayment(payment, network),
    reconcile: (payment) => reconcileTransfer(payment, network),
    settleDeferred: (payment, deferred) => settleDeferredTransfer(payment, deferred, network),
  }
}

/** Reads the authorization, which must be made for this very challenge. */
function readTransfer(
  { payload, challengeId, realm, source }: Presented,
  charge: Charge,
  network: EvmNetwork,
  asset: Asset,
): SignedTransfer | Refusal {
  const parsed = z.safeParse(schema, payload)
  if (!parsed.success) return malformed(parsed.error, 'payload')
  const { type: _, signature, ...authorization } = parsed.data
  const { from, nonce } = authorization
  const expected = nonceOf(challengeId, realm)
  if (nonce !== expected) {
    return refuse(
      'verification-failed',
      'The nonce of the authorization does not bind it to this challenge.',
      {
        expected,
        got: nonce,
      },
    )
  }
  const payer = source === null ? null : parseSource(source)
  if (source !== null && (payer?.chain !== network.id || payer.address !== from)) {
    return refuse('verification-failed', 'The source of the credential is not the payer.', {
      expected: `did:pkh:${network.id}:${from}`,
    })
  }
  return { network, asset, authorization, signature, resource: charge.url }
}

function lower(hex: Hex): Hex {
  return hex.toLowerCase() as Hex
}
