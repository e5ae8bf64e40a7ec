import { Challenge, Credential } from 'mppx'
import { tempo as tempoClient } from 'mppx/client'
import { createClient, encodeFunctionData, http, type LocalAccount } from 'viem'
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts'
import { Abis, Transaction } from 'viem/tempo'
import { tempoModerato } from 'viem/tempo/chains'
import type { Hex } from '../../../../src/lib/hex.ts'
import type { Address } from '../../../../src/payments/address.ts'
import type { Refusal } from '../../../../src/problems/refusal.ts'
import type { Charge, Protocol, Verified } from '../../../../src/protocols/protocol.ts'
import type { TempoChain } from '../../../chains/tempo.ts'
import { readable, UNPAID } from '../fixtures.ts'

/** An address that holds nothing and that nobody uses: what it has in the end, it was paid. */
export function newAddress(): Address {
  return privateKeyToAddress(generatePrivateKey()).toLowerCase() as Address
}

/** The challenge of a 402, as mppx reads it. */
export function challengeOf(protocol: Protocol, charge: Charge): Challenge.Challenge {
  const headers = new Headers()
  for (const [name, value] of protocol.challenge(charge, new Headers(), UNPAID)?.headers ?? []) {
    headers.append(name, value)
  }
  return Challenge.fromResponse(new Response(null, { status: 402, headers }))
}

/** The field that mppx's own client answers a challenge with. `pull`: we send the transaction; `push`: it does. */
export async function payWithMppx(
  chain: TempoChain,
  account: LocalAccount,
  challenge: Challenge.Challenge,
  mode: 'pull' | 'push' = 'pull',
): Promise<string> {
  const method = tempoClient.charge({ account, mode, getClient: () => clientOf(chain, account) })
  return method.createCredential({ challenge: challenge as never, context: {} })
}

/** A field with this payload, whatever it is worth. */
export function present(challenge: Challenge.Challenge, payload: unknown, source?: string): string {
  return Credential.serialize({ challenge, payload, ...(source !== undefined && { source }) })
}

/** Reads a field and checks it. */
export function verify(protocol: Protocol, field: string, charge: Charge): Promise<Verified | Refusal> {
  return protocol.verify(readable(protocol.credential, field), charge)
}

/** The payload of a field. */
export function payloadOf(field: string): { readonly signature: Hex; readonly hash: Hex } {
  return Credential.deserialize(field).payload as { signature: Hex; hash: Hex }
}

/** What a Tempo transaction of our own making says. */
export interface Draft {
  readonly calls: readonly { readonly to: Hex; readonly data: Hex }[]
  readonly chainId?: number
  readonly validBefore?: number | undefined
  readonly validAfter?: number
  readonly nonceKey?: bigint
  readonly nonce?: number
  readonly gas?: bigint
}

/** Signs any transaction: an expiring one that is good for 25 seconds, unless told otherwise. */
export function signTransaction(account: LocalAccount, draft: Draft): Promise<Hex> {
  const transaction = {
    chainId: 42431,
    gas: 900_000n,
    maxFeePerGas: 60_000_000_000n,
    maxPriorityFeePerGas: 1_000_000_000n,
    nonceKey: 2n ** 256n - 1n,
    nonce: 0,
    validBefore: Math.floor(Date.now() / 1000) + 25,
    ...draft,
  }
  return account.signTransaction(transaction as never, { serializer: Transaction.serialize as never })
}

/** A call of `transferWithMemo`. */
export function transfer(token: Address, to: Address, amount: bigint, memo: Hex): { to: Hex; data: Hex } {
  const data = encodeFunctionData({
    abi: Abis.tip20,
    functionName: 'transferWithMemo',
    args: [to, amount, memo],
  })
  return { to: token, data }
}

/** The memo that mppx binds a payment to a challenge with, taken from what it signs. */
export async function memoOf(chain: TempoChain, challenge: Challenge.Challenge): Promise<Hex> {
  const field = await payWithMppx(chain, privateKeyToAccount(at(chain, 0)), challenge)
  const { calls } = Transaction.deserialize(payloadOf(field).signature as `0x76${string}`)
  return `0x${calls[0]?.data?.slice(-64)}`
}

/** Sends a transaction, and waits until it stands in a block. */
export async function send(chain: TempoChain, raw: Hex): Promise<Hex> {
  const { transactionHash } = await chain.request<{ transactionHash: Hex }>('eth_sendRawTransactionSync', [
    raw,
  ])
  return transactionHash
}

/** Key of a dev account. */
export function at(chain: TempoChain, index: number): Hex {
  const account = chain.accounts[index]
  if (account === undefined) throw new Error(`no account ${index}`)
  return account.privateKey
}

function clientOf(chain: TempoChain, account: LocalAccount) {
  const network = { ...tempoModerato, hardfork: 't3', rpcUrls: { default: { http: [chain.url] } } }
  return createClient({ account, chain: network as never, transport: http(chain.url), pollingInterval: 20 })
}
