import { RpcError } from '../evm/rpc.ts'
import type { Hex } from '../lib/hex.ts'
import { publish } from '../protocols/mpp/tempo/payer-transaction.ts'
import type { Attempt } from './attempt.ts'
import { askChain } from './chain.ts'
import type { Engine } from './engine.ts'
import { PaymentError, unresolved } from './payment-error.ts'

/**
 * Sends the transaction of an attempt that pays by its hash, and waits until it stands in a block.
 *
 * @throws PaymentError `payment-rejected` when it moves no money, `payment-unresolved` while nobody knows.
 */
export async function broadcast(attempt: Attempt, raw: Hex, hash: Hex, engine: Engine): Promise<void> {
  const rpc = engine.rpcOf(attempt.payment.network)
  const succeeded = rpc && (await publish(raw, hash, rpc).catch(unknownIfRpc))
  if (succeeded) return
  if (succeeded === false || (await askChain(attempt, rpc)) === 'never') {
    const said = 'The chain did not carry out the transaction.'
    await engine.change(attempt, (current) => ({ ...current, state: 'failed', note: said }))
    throw new PaymentError('payment-rejected', `${said} No money has moved.`, { attempt: attempt.id })
  }
  await engine.change(attempt, (current) => ({ ...current, note: 'The transaction stands in no block yet.' }))
  throw unresolved(attempt.id, 'The transaction stands in no block yet.')
}

function unknownIfRpc(error: unknown): null {
  if (error instanceof RpcError) return null
  throw error
}
