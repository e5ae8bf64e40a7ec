import type { Attempt } from './attempt.ts'
import { askChain } from './chain.ts'
import type { Engine } from './engine.ts'
import { PaymentError } from './payment-error.ts'

/** A server that does not take a credential still has it: only the chain can say that its money will not move. */
export async function reject(attempt: Attempt, said: string, engine: Engine): Promise<never> {
  const fate = await askChain(attempt, engine.rpcOf(attempt.payment.network))
  if (fate === 'moved') return lose(attempt, `${said} The money has moved all the same.`, engine)
  if (fate === 'never') {
    await engine.change(attempt, (current) => ({ ...current, state: 'failed', note: said }))
    throw new PaymentError('payment-rejected', `${said} No money has moved.`, { attempt: attempt.id })
  }
  await engine.change(attempt, (current) => ({ ...current, note: said }))
  throw new PaymentError(
    'payment-rejected',
    `${said} Its money is held back until the attempt ${attempt.id} has expired and its chain was asked.`,
    { attempt: attempt.id },
  )
}

/** The money has moved, and what it paid for is gone. */
export async function lose(attempt: Attempt, said: string, engine: Engine): Promise<never> {
  await engine.change(attempt, (current) => ({ ...current, state: 'lost', note: said }))
  throw new PaymentError('answer-lost', `${said} What the attempt ${attempt.id} paid for cannot be had.`, {
    attempt: attempt.id,
  })
}
