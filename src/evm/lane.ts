import { keccak_256 } from '@noble/hashes/sha3.js'
import type { LocalAccount } from 'viem'
import { within } from '../lib/deadline.ts'
import { fromHex, type Hex, toHex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import type { Settlement } from '../payments/settlement.ts'
import { parseQuantity } from './abi.ts'
import { type Rpc, RpcError } from './rpc.ts'

/** A contract call that is ready but for its nonce. Fees in wei per gas. */
export interface Call {
  readonly to: Address
  readonly data: Hex
  readonly gas: bigint
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

/** The transactions of one account on one chain, sent one after the other so that their nonces have no gaps. */
export interface Lane {
  /**
   * Signs and broadcasts a call, once. Returns the hash when a node has taken it; else `unsent`, or `unknown` with the
   * hash when nobody knows whether one has. Does not throw for RPC failures.
   */
  send(rpc: Rpc, call: Call): Promise<Hex | Settlement>
  /** A transaction that was taken did not reach a block: asks the chain where it stands before the next one. */
  restart(): void
}

/** Words of nodes for: this nonce is taken, by a transaction of another sender with our key or by a lost one of ours. */
const NONCE_TAKEN =
  /nonce (?:is )?too low|nonce has already been used|replacement transaction|oldnonce|already reserved/i
const ALREADY_KNOWN = /already known|known transaction|already imported/i
const NO_GAS_MONEY = /insufficient funds/i
const NOT_TAKEN =
  /underpriced|fee cap|max fee|less than block base fee|gas limit|intrinsic gas|txpool is full|revert/i

/** Longest wait for an account whose key is elsewhere, such as in a hardware module. */
const SIGNING_MS = 10_000
const ATTEMPTS = 4

/** Opens the lane of an account on a chain. */
export function createLane(account: LocalAccount, chainNumber: number, queueMs: number): Lane {
  let next = 0n
  let stale = true
  let tail: Promise<unknown> = Promise.resolve()

  async function send(rpc: Rpc, call: Call): Promise<Hex | Settlement> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const signed = await sign(rpc, call).catch(unsentBecause)
      if (typeof signed !== 'string') return signed
      const transaction = toHex(keccak_256(fromHex(signed)))
      const error = await broadcast(rpc, signed)
      if (error === null || ALREADY_KNOWN.test(error.nodeMessage)) {
        next += 1n
        return transaction
      }
      if (!NONCE_TAKEN.test(error.nodeMessage)) return judge(error, transaction)
      next += 1n
      stale = true
    }
    return unsent(
      'Other transactions of the settling wallet keep taking its nonces: use one wallet per process.',
    )
  }

  async function sign(rpc: Rpc, call: Call): Promise<Hex> {
    if (stale) {
      const count = parseQuantity(await rpc.request('eth_getTransactionCount', [account.address, 'pending']))
      if (count === null)
        throw new RpcError('error', 'The RPC endpoint answered with a malformed transaction count.')
      if (count > next) next = count
      stale = false
    }
    const transaction = { type: 'eip1559', chainId: chainNumber, nonce: Number(next), ...call } as const
    const signed = await within(SIGNING_MS, account.signTransaction(transaction))
    if (signed === null)
      throw new RpcError('unsent', `The settling wallet did not sign within ${SIGNING_MS} ms.`)
    return signed
  }

  function judge(error: RpcError, transaction: Hex): Settlement {
    if (NO_GAS_MONEY.test(error.nodeMessage)) {
      return unsent(`The settling wallet ${account.address} has too little native currency for gas.`)
    }
    if (error.failure === 'unsent' || NOT_TAKEN.test(error.nodeMessage)) return unsent(error.message)
    // It may be on its way. Should it be, the next transaction finds its nonce taken and moves on.
    stale = true
    return { outcome: 'unknown', transaction, detail: error.message }
  }

  return {
    send(rpc, call) {
      const queuedAt = Date.now()
      const sent = tail.then(() =>
        Date.now() - queuedAt > queueMs
          ? unsent('Too many settlements are waiting for a slow node.')
          : send(rpc, call),
      )
      tail = sent.catch(() => {})
      return sent
    },
    restart() {
      next = 0n
      stale = true
    },
  }
}

async function broadcast(rpc: Rpc, signed: Hex): Promise<RpcError | null> {
  try {
    await rpc.request('eth_sendRawTransaction', [signed])
    return null
  } catch (error) {
    if (error instanceof RpcError) return error
    throw error
  }
}

function unsentBecause(error: unknown): Settlement {
  if (error instanceof RpcError) return unsent(error.message)
  throw error
}

/** Nothing was sent. */
export function unsent(detail: string): Settlement {
  return { outcome: 'unsent', detail }
}
