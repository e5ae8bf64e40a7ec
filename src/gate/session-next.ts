import type { Fields } from '../lib/message.ts'
import { CofferError } from '../problems/error.ts'
import type { Session } from '../sessions/session.ts'
import type { Vault } from '../vaults/vault-handle.ts'
import { answerFields, withFields } from './answer-fields.ts'
import type { Conclusion, Next } from './next.ts'
import type { RequestHead } from './request-head.ts'
import type { Settings } from './settings.ts'

/**
 * Makes the {@link Next} of a request that a session lets in. Nothing is charged, so nothing is owed: whatever the handler
 * answers, there is nothing to store.
 */
export function createSessionNext(
  id: string | null,
  session: Session,
  vault: Vault | null,
  request: RequestHead,
  settings: Settings,
): Next {
  const { paymentId, protocol, method, network, amount, payer, txHash, wallet, recipient } = session.payment
  let hasEnded = false

  function conclude(_status: number, headers: Fields): Conclusion {
    if (hasEnded) throw new CofferError('invalid-state', 'this request was concluded already')
    hasEnded = true
    const set = answerFields(request.headers, headers, settings)
    return { set, body: null }
  }

  return {
    grant: {
      payment: {
        paymentId,
        protocol,
        method,
        network,
        amount,
        payer,
        txHash,
        vaultId: vault?.id ?? null,
        sessionId: id,
        redeemed: false,
      },
      wallet: { id: wallet, address: recipient, chain: network },
      vault,
      session: { id, expiresAt: session.expiresAt },
    },
    isHeldBack: false,
    isKept: false,
    conclude,
    finish: async (response) => addFields(response, conclude(response.status, response.headers).set),
    async abandon() {
      hasEnded = true
    },
    recorded: null,
  }
}

/** A copy costs a stream for the body. There is nothing of the payer's among these fields that the handler's answer could keep. */
function addFields(response: Response, set: Conclusion['set']): Response {
  try {
    for (const [name, value] of set) response.headers.set(name, value)
    return response
  } catch {
    // What `fetch` answers cannot be changed.
    return withFields(response, response.body, set)
  }
}
