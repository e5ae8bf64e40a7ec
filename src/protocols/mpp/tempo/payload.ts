import * as z from 'zod/mini'
import { RpcError } from '../../../evm/rpc.ts'
import { type Hex, isHex } from '../../../lib/hex.ts'
import { toBaseUnits } from '../../../payments/amount.ts'
import { type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Charge } from '../../protocol.ts'
import { malformed } from '../credential.ts'
import type { Payload, Presented } from '../method.ts'
import type { Context, Setup } from './context.ts'
import { isBoundMemo } from './memo.ts'
import { verifyPull } from './pull.ts'
import { verifyPush } from './push.ts'
import type { Terms } from './transfer.ts'
import { verifyZero } from './zero.ts'

const bytes = z.custom<Hex>((value) => isHex(value) && value.length > 2, 'hexadecimal bytes')
const hash = z.custom<Hex>((value) => isHex(value, 32), '32 bytes of hexadecimal')

/** Payloads of draft-tempo-charge-00 section 5. */
const schema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('transaction'), signature: bytes }),
    z.object({ type: z.literal('hash'), hash }),
    z.object({ type: z.literal('proof'), signature: bytes }),
  ],
  'transaction, hash or proof',
)

/** Checks a payload, as far as that moves no money. */
export async function verifyPayload(
  presented: Presented,
  charge: Charge,
  setup: Setup,
): Promise<Payload | Refusal> {
  const parsed = z.safeParse(schema, presented.payload)
  if (!parsed.success) return malformed(parsed.error, 'payload')
  const payload = parsed.data
  const terms: Terms = {
    token: setup.asset.address,
    payer: null,
    recipient: charge.recipient(setup.chain),
    amount: toBaseUnits(charge.price, setup.asset.decimals),
    accepts: (memo) => isBoundMemo(memo, presented.realm, presented.challengeId),
  }
  if ((terms.amount === 0n) !== (payload.type === 'proof')) {
    return refuse('verification-failed', 'A zero price is paid by a proof, and nothing else is.', {
      expected: terms.amount === 0n ? 'proof' : 'transaction or hash',
      got: payload.type,
    })
  }
  const context: Context = { ...setup, ...presented, terms }
  try {
    switch (payload.type) {
      case 'transaction':
        return await verifyPull(payload.signature, context)
      case 'hash':
        return await verifyPush(payload.hash, context)
      case 'proof':
        return await verifyZero(payload.signature, context)
    }
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    return refuse('settlement-unavailable', `The payment could not be checked. ${error.message}`, {
      retryAfter: 5,
    })
  }
}
