import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { LocalAccount } from 'viem'
import { sleep } from '../lib/deadline.ts'
import { fromHex, type Hex, isHex } from '../lib/hex.ts'
import { type ChainId, chainNumberOf } from '../payments/chain.ts'
import type { Settlement } from '../payments/settlement.ts'
import { invalidOption } from '../problems/error.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { parseQuantity } from './abi.ts'
import { diagnoseRefusal, failed } from './diagnosis.ts'
import { type Call, createLane, type Lane, unsent } from './lane.ts'
import { tryCall } from './probe.ts'
import { type Block, type Receipt, readBlock, readReceipt } from './records.ts'
import { type Rpc, RpcError } from './rpc.ts'
import type { Settler, SignedTransfer } from './settler.ts'
import { showsTransfer, transferCall } from './token.ts'
import { readWalletOptions, type WalletOptions, type WalletSettings } from './wallet-options.ts'

/**
 * Settles with an account of your own: submits the payer's authorization to the token and pays the gas. Needs native
 * currency on the chain, and `rpc` on the network. Use one `wallet()` per key, and one process per key where possible.
 *
 * @param key - Private key of 32 bytes, or a viem account that signs elsewhere (a key management service).
 * @throws CofferError `invalid-option`. Never shows the key.
 */
export function wallet(key: Hex | LocalAccount, options: WalletOptions = {}): Settler {
  const settings = readWalletOptions(options)
  checkKey(key)
  const lanes = new Map<ChainId, Promise<Lane>>()
  const laneOf = (chain: ChainId): Promise<Lane> => {
    const lane = lanes.get(chain) ?? openLane(key, chain, settings.timeoutMs)
    lanes.set(chain, lane)
    return lane
  }

  return {
    name: 'wallet',
    needsRpc: true,
    async verify(transfer) {
      const { rpc } = transfer.network
      if (rpc === null) return null
      const ready = await prepare(rpc, transfer, settings).catch(() => unsent('The RPC endpoint failed.'))
      return 'outcome' in ready ? refusalOf(ready) : null
    },
    async settle(transfer) {
      const { rpc, id } = transfer.network
      if (rpc === null) return unsent(`No RPC endpoint is configured for ${id}.`)
      let transaction: Hex | null = null
      try {
        const ready = await prepare(rpc, transfer, settings)
        if ('outcome' in ready) return ready
        const lane = await laneOf(id)
        const sent = await lane.send(rpc, ready.call)
        if (typeof sent !== 'string') return sent
        transaction = sent
        const receipt = await waitForReceipt(rpc, transaction, settings)
        if (receipt !== null) return await judge(rpc, transfer, receipt, ready.begun)
        lane.restart()
        return { outcome: 'unknown', transaction, detail: `No block has it after ${settings.timeoutMs} ms.` }
      } catch (error) {
        const detail = error instanceof RpcError ? error.message : 'The settlement broke off.'
        return transaction === null ? unsent(detail) : { outcome: 'unknown', transaction, detail }
      }
    },
  }
}

/** What a settlement that would not succeed means for a credential that is only verified. */
function refusalOf(settlement: Settlement): Refusal | null {
  switch (settlement.outcome) {
    case 'settled':
      return null
    case 'failed':
      return refuse('verification-failed', settlement.detail, { cause: settlement.cause })
    case 'unknown':
    case 'unsent':
      return refuse('settlement-unavailable', settlement.detail, { retryAfter: 5 })
  }
}

/** Tries the transfer and prices it, before anything is sent. */
async function prepare(
  rpc: Rpc,
  transfer: SignedTransfer,
  { maxGas, maxFeePerGas }: WalletSettings,
): Promise<{ readonly call: Call; readonly begun: bigint } | Settlement> {
  const { asset, authorization, signature } = transfer
  const to = asset.address
  const data = transferCall(authorization, signature)
  // What a transaction costs before the contract runs: EIP-2028, with the floor of EIP-7623.
  const gas = maxGas - 21_000n - 40n * BigInt(data.length / 2)
  if (gas < 0n) return unsent('The signature is too long for maxGas.')
  const [block, tip, trial] = await Promise.all([
    readBlock(rpc, 'latest'),
    rpc.request('eth_maxPriorityFeePerGas', []).then(parseQuantity),
    tryCall(rpc, { to, data, gas }),
  ])
  if (!trial.hasCode) return unsent(`There is no token at ${to}.`)
  if (!trial.returned) return diagnoseRefusal(rpc, transfer, block.number)
  const fees = chooseFees(block, tip, maxFeePerGas)
  return 'outcome' in fees ? fees : { call: { to, data, gas: maxGas, ...fees }, begun: block.number }
}

/** Twice the base fee lasts for six full blocks (EIP-1559: at most 12.5 % more with each). */
function chooseFees(
  { baseFee }: Block,
  tip: bigint | null,
  limit: bigint | null,
): Pick<Call, 'maxFeePerGas' | 'maxPriorityFeePerGas'> | Settlement {
  if (baseFee === null || tip === null) return unsent('The chain has no EIP-1559 fees.')
  if (limit !== null && baseFee + tip > limit) return unsent('Gas costs more than maxFeePerGas now.')
  const wanted = 2n * baseFee + tip
  return { maxFeePerGas: limit !== null && limit < wanted ? limit : wanted, maxPriorityFeePerGas: tip }
}

/** Polls until the transaction is as deep as asked; `null` when the time is up. A node that is away may come back. */
async function waitForReceipt(
  rpc: Rpc,
  transaction: Hex,
  { confirmations, timeoutMs }: WalletSettings,
): Promise<Receipt | null> {
  const deadline = Date.now() + timeoutMs
  const isDeep = async ({ block }: Receipt): Promise<boolean> =>
    confirmations === 1n || (await readBlock(rpc, 'latest')).number - block + 1n >= confirmations
  // Soon at first, for chains that answer at once; a block of two seconds is asked for ten times.
  for (let pause = 5; ; pause = Math.min(2 * pause, 500)) {
    try {
      const receipt = await readReceipt(rpc, transaction)
      if (receipt !== null && (await isDeep(receipt))) return receipt
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
    }
    if (Date.now() + pause > deadline) return null
    await sleep(pause)
  }
}

/** Success is what the token's logs say, not what the status says. */
async function judge(
  rpc: Rpc,
  transfer: SignedTransfer,
  receipt: Receipt,
  begun: bigint,
): Promise<Settlement> {
  if (!receipt.succeeded) return diagnoseRefusal(rpc, transfer, begun)
  if (!showsTransfer(receipt.logs, transfer.asset, transfer.authorization)) {
    return failed('transfer_event_mismatch', 'The transaction did not make this transfer.')
  }
  return { outcome: 'settled', transaction: receipt.transaction, block: receipt.block.toString() }
}

async function openLane(key: Hex | LocalAccount, chain: ChainId, queueMs: number): Promise<Lane> {
  const account = typeof key === 'string' ? (await import('viem/accounts')).privateKeyToAccount(key) : key
  return createLane(account, chainNumberOf(chain), queueMs)
}

function checkKey(key: unknown): void {
  if (isHex(key, 32) && secp256k1.utils.isValidSecretKey(fromHex(key))) return
  if (typeof key === 'object' && key !== null && 'address' in key && 'signTransaction' in key) return
  invalidOption('wallet key', 'a private key (32 bytes as 0x hexadecimal) or a viem account')
}
