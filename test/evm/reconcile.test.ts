import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Authorization } from '../../src/evm/authorization.ts'
import { baseSepolia, type EvmNetwork } from '../../src/evm/network.ts'
import {
  type AuthorizedPayment,
  authorizationEvidence,
  reconcileAuthorization,
} from '../../src/evm/reconcile.ts'
import type { SignedTransfer } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { type Account, type EvmChain, startEvmChain } from '../chains/evm.ts'
import { type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import { at, authorize, recordOf, SELLER, signTransfer, submit } from './signing.ts'

const DOLLAR = 1_000_000n
const MINUTE = 60_000

let chain: EvmChain
let proxy: FaultyRpc
let network: EvmNetwork
let payer: Account
let stranger: Account

beforeAll(async () => {
  chain = await startEvmChain()
  proxy = await startFaultyRpc(chain.url)
  payer = at(chain.accounts, 1)
  stranger = at(chain.accounts, 2)
  const settle = wallet(at(chain.accounts, 0).privateKey, { timeoutMs: 5000 })
  network = baseSepolia({ rpc: { url: proxy.url, timeoutMs: 3000 }, settle })
  await chain.mint(payer.address, 100n * DOLLAR)
})
afterAll(async () => {
  await proxy.stop()
  await chain.stop()
})
afterEach(() => {
  proxy.fail = () => null
})

const chainTime = async (): Promise<number> => Number((await chain.client.getBlock()).timestamp)

/** The payment of a transfer, claimed now by the clock of the chain. */
async function paymentOf(
  transfer: SignedTransfer,
  more: Partial<AuthorizedPayment> = {},
): Promise<AuthorizedPayment> {
  return {
    ...recordOf(transfer),
    transaction: null,
    claimedAt: (await chainTime()) * 1000,
    ...more,
  }
}

const transferOf = async (more: Partial<Authorization> = {}): Promise<SignedTransfer> =>
  signTransfer(network, payer, authorize(payer, { validBefore: BigInt((await chainTime()) + 300), ...more }))

test('the evidence holds no signature', async () => {
  const transfer = await transferOf()
  expect(JSON.stringify(authorizationEvidence(transfer))).not.toContain(transfer.signature.slice(2, 20))
})

test('unused and valid: unsent; settled again it is paid once', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'unsent' })
  const before = await chain.balanceOf(SELLER)
  const settled = await network.settler.settle(transfer)
  expect(await reconcileAuthorization(payment, network)).toEqual(settled)
  expect(await network.settler.settle(transfer)).toMatchObject({ outcome: 'failed' })
  expect(await chain.balanceOf(SELLER)).toBe(before + DOLLAR)
})

test('sent, the answer lost, found by its hash (case 4)', async () => {
  const transfer = await transferOf()
  proxy.fail = (method) => (method === 'eth_sendRawTransaction' ? 'drop-answer' : null)
  const before = await chain.balanceOf(SELLER)
  const settlement = await network.settler.settle(transfer)
  if (settlement.outcome !== 'unknown') throw new Error(settlement.outcome)
  proxy.fail = (method) => (method === 'eth_getLogs' ? 'drop' : null)
  const { transaction } = settlement
  expect(await reconcileAuthorization(await paymentOf(transfer, { transaction }), network)).toMatchObject({
    outcome: 'settled',
    transaction,
  })
  expect(await chain.balanceOf(SELLER)).toBe(before + DOLLAR)
})

test('settled, the process killed before it wrote the hash: found by its nonce (case 3)', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  const settlement = await network.settler.settle(transfer)
  await chain.mine(300, 2)
  expect(await reconcileAuthorization(payment, network)).toEqual(settlement)
})

test('a hash that made another transfer is not believed', async () => {
  const [one, other] = [await transferOf(), await transferOf()]
  const settlement = await network.settler.settle(one)
  if (settlement.outcome !== 'settled') throw new Error(settlement.outcome)
  const payment = await paymentOf(other, { transaction: settlement.transaction })
  expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'unsent' })
})

test('nodes that search few blocks at once are asked for few', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  const settlement = await network.settler.settle(transfer)
  let refusals = 0
  proxy.fail = (method) => {
    if (method !== 'eth_getLogs' || refusals++ >= 3) return null
    return {
      status: 400,
      body: { jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'up to a 10 block range' } },
    }
  }
  expect(await reconcileAuthorization(payment, network)).toEqual(settlement)
  expect(refusals).toBeGreaterThan(3)
})

test('paid by somebody who submitted the same authorization: settled', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  const transaction = await submit(chain, stranger, transfer)
  expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'settled', transaction })
})

test('used before it was presented: it has bought something else, so failed', async () => {
  const transfer = await transferOf()
  await submit(chain, stranger, transfer)
  const payment = await paymentOf(transfer, { claimedAt: (await chainTime()) * 1000 + 2 * MINUTE })
  await chain.mine(40, 2)
  const expected = { outcome: 'failed', cause: 'invalid_exact_evm_nonce_already_used' }
  expect(await reconcileAuthorization(payment, network)).toMatchObject(expected)
  await chain.request('evm_increaseTime', [600])
  await chain.mine(3)
  expect(await reconcileAuthorization(payment, network)).toMatchObject(expected)
})

test('settled for a seller whose clock is ahead of the chain', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer, { claimedAt: (await chainTime()) * 1000 + 5 * MINUTE })
  const transaction = await submit(chain, stranger, transfer)
  await chain.mine(40, 1)
  expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'settled', transaction })
})

test('the nonce used to pay somebody else: failed', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  const { nonce, validBefore } = transfer.authorization
  await submit(chain, stranger, await transferOf({ nonce, validBefore, to: stranger.address }))
  expect(await reconcileAuthorization(payment, network)).toMatchObject({
    outcome: 'failed',
    cause: 'invalid_exact_evm_nonce_already_used',
  })
})

test('cancelled by the payer: failed', async () => {
  const transfer = await transferOf()
  const payment = await paymentOf(transfer)
  await cancel(transfer.authorization)
  expect(await reconcileAuthorization(payment, network)).toMatchObject({
    outcome: 'failed',
    detail: 'The payer cancelled the authorization.',
  })
})

test('expired unused: failed, once the chain is a minute past it', async () => {
  const goBack = await chain.snapshot()
  const transfer = await transferOf({ validBefore: BigInt((await chainTime()) + 100) })
  const payment = await paymentOf(transfer)
  await chain.request('evm_increaseTime', [110])
  await chain.mine()
  expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'unknown' })
  await chain.request('evm_increaseTime', [60])
  await chain.mine()
  expect(await reconcileAuthorization(payment, network)).toMatchObject({
    outcome: 'failed',
    cause: 'invalid_exact_evm_payload_authorization_valid_before',
  })
  await goBack()
})

test.each(['eth_getBlockByNumber', 'eth_call', 'eth_getLogs', 'eth_getTransactionReceipt'])(
  'a node that fails at %s: unknown, and the hash is kept',
  async (broken) => {
    const transfer = await transferOf()
    const transaction = await submit(chain, stranger, transfer)
    const payment = await paymentOf(transfer, { transaction: `0x${'77'.repeat(32)}` })
    for (const fault of ['drop', 'garbage', { body: { result: 'nonsense' } }] as const) {
      proxy.fail = (method) => (method === broken ? fault : null)
      expect(await reconcileAuthorization(payment, network)).toMatchObject({
        outcome: 'unknown',
        transaction: payment.transaction,
      })
    }
    proxy.fail = () => null
    expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'settled', transaction })
  },
)

test('without an RPC there is nothing to do but to settle it again', async () => {
  const payment = await paymentOf(await transferOf())
  expect(await reconcileAuthorization(payment, { ...network, rpc: null })).toMatchObject({
    outcome: 'unsent',
  })
})

test('what cannot be asked is unknown: a token no longer accepted, no evidence', async () => {
  const payment = await paymentOf(await transferOf())
  for (const [one, other] of [
    [payment, { ...network, assets: [] }],
    [{ ...payment, evidence: {} }, network],
  ] as const) {
    expect(await reconcileAuthorization(one, other)).toMatchObject({ outcome: 'unknown' })
  }
})

async function cancel({ from, nonce }: Authorization): Promise<void> {
  const { createWalletClient, http, parseAbi, parseSignature } = await import('viem')
  const { privateKeyToAccount } = await import('viem/accounts')
  const account = privateKeyToAccount(payer.privateKey)
  const { r, s, v } = parseSignature(
    await account.signTypedData({
      domain: { name: 'USDC', version: '2', chainId: chain.chainId, verifyingContract: chain.usdc.address },
      types: {
        CancelAuthorization: [
          { name: 'authorizer', type: 'address' },
          { name: 'nonce', type: 'bytes32' },
        ],
      },
      primaryType: 'CancelAuthorization',
      message: { authorizer: from, nonce },
    }),
  )
  const hash = await createWalletClient({ account, transport: http(chain.url) }).writeContract({
    chain: null,
    address: chain.usdc.address,
    abi: parseAbi(['function cancelAuthorization(address, bytes32, uint8, bytes32, bytes32)']),
    functionName: 'cancelAuthorization',
    args: [from, nonce, Number(v), r, s],
  })
  await chain.client.waitForTransactionReceipt({ hash })
}
