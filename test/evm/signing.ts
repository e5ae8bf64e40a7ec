import { createWalletClient, type Hash, http } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { type Authorization, authorizationDigest } from '../../src/evm/authorization.ts'
import type { EvmNetwork } from '../../src/evm/network.ts'
import { type AuthorizedPayment, authorizationEvidence } from '../../src/evm/reconcile.ts'
import type { SignedTransfer } from '../../src/evm/settler.ts'
import { transferCall } from '../../src/evm/token.ts'
import { toHex } from '../../src/lib/hex.ts'
import type { Account, EvmChain } from '../chains/evm.ts'

/** A recipient that nobody has the key of. */
export const SELLER = '0x5e11e45e11e45e11e45e11e45e11e45e11e45e11'

/** An authorization of one dollar to {@link SELLER}, valid for five minutes, with a nonce of its own. */
export function authorize(from: Account, more: Partial<Authorization> = {}): Authorization {
  return {
    from: from.address,
    to: SELLER,
    value: 1_000_000n,
    validAfter: 0n,
    validBefore: BigInt(Math.floor(Date.now() / 1000) + 300),
    nonce: toHex(crypto.getRandomValues(new Uint8Array(32))),
    ...more,
  }
}

/** Signs an authorization of the network's first asset. */
export async function signTransfer(
  network: EvmNetwork,
  signer: Account,
  authorization: Authorization = authorize(signer),
): Promise<SignedTransfer> {
  const [asset] = network.assets
  if (!asset) throw new Error('the network has no asset')
  const hash = toHex(authorizationDigest(network.id, asset, authorization))
  const signature = await sign({ hash, privateKey: signer.privateKey, to: 'hex' })
  return { network, asset, authorization, signature, resource: 'https://shop.example/report' }
}

/** Submits a transfer from an account of its own, as somebody might who saw it on its way. Waits for its block. */
export async function submit(chain: EvmChain, sender: Account, transfer: SignedTransfer): Promise<Hash> {
  const client = createWalletClient({
    account: privateKeyToAccount(sender.privateKey),
    transport: http(chain.url),
  })
  const data = transferCall(transfer.authorization, transfer.signature)
  const hash = await client.sendTransaction({ chain: null, to: transfer.asset.address, data, gas: 500_000n })
  await chain.client.waitForTransactionReceipt({ hash })
  return hash
}

/** An item that must be there. */
export function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new Error(`no item ${index}`)
  return item
}

/** What the ledger keeps of a transfer. */
export function recordOf(transfer: SignedTransfer): Omit<AuthorizedPayment, 'transaction' | 'claimedAt'> {
  const { asset, authorization } = transfer
  return {
    asset: asset.address,
    amount: authorization.value.toString(),
    payer: authorization.from,
    recipient: authorization.to,
    evidence: JSON.parse(JSON.stringify(authorizationEvidence(transfer))),
  }
}
