import type { Signer } from '../evm/signer.ts'
import { parseAddress } from '../payments/address.ts'
import { invalidOption } from '../problems/error.ts'

/** A wallet of a browser (EIP-1193). It signs typed data and texts; a payment on Tempo takes a {@link Signer}. */
export interface Eip1193Provider {
  request(request: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>
}

/** Who pays: an account of viem, a wallet of a browser, or anything that signs. */
export type Wallet = Signer | Eip1193Provider

/**
 * Finds out who signs. A browser's wallet is asked for its account when it is first needed, and again when it refused.
 *
 * @throws CofferError `invalid-option`. Never shows a key.
 */
export function readWallet(wallet: Wallet): () => Promise<Signer> {
  if (isSigner(wallet)) return async () => wallet
  if (typeof wallet !== 'object' || wallet === null || typeof wallet.request !== 'function') {
    return invalidOption('payFetch.wallet', 'an account of viem, an EIP-1193 provider, or a Signer')
  }
  let connected: Promise<Signer> | null = null
  return () => {
    connected ??= open(wallet).catch((error: unknown) => {
      connected = null
      throw error
    })
    return connected
  }
}

function isSigner(wallet: Wallet): wallet is Signer {
  return (
    typeof wallet === 'object' &&
    wallet !== null &&
    'signTypedData' in wallet &&
    typeof wallet.signTypedData === 'function' &&
    parseAddress(wallet.address) !== null
  )
}

/** Who has an account of its own does not load what talks to the wallets of browsers. */
async function open(provider: Eip1193Provider): Promise<Signer> {
  const { connect } = await import('./browser-wallet.ts')
  return connect(provider)
}
