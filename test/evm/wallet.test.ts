import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { baseSepolia, type EvmNetwork } from '../../src/evm/network.ts'
import type { Settler } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import { devKeys } from '../chains/anvil.ts'
import { type Account, type EvmChain, startEvmChain } from '../chains/evm.ts'
import { type Fault, type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import { at, authorize, SELLER, signTransfer, submit } from './signing.ts'

const DOLLAR = 1_000_000n

let chain: EvmChain
let proxy: FaultyRpc
let settler: Settler
let network: EvmNetwork
let payer: Account

beforeAll(async () => {
  chain = await startEvmChain()
  proxy = await startFaultyRpc(chain.url)
  const [settling, paying] = chain.accounts
  if (!settling || !paying) throw new Error('no accounts')
  payer = paying
  settler = wallet(settling.privateKey, { timeoutMs: 3000 })
  network = baseSepolia({ rpc: { url: proxy.url, timeoutMs: 1500 }, settle: settler })
  await chain.mint(payer.address, 1_000n * DOLLAR)
})
afterAll(async () => {
  await proxy.stop()
  await chain.stop()
})
afterEach(() => {
  proxy.fail = () => null
})

/** Settles and says how much the seller has more than before. */
async function gain(settling: () => Promise<Settlement>): Promise<[Settlement, bigint]> {
  const before = await chain.balanceOf(SELLER)
  const settlement = await settling()
  return [settlement, (await chain.balanceOf(SELLER)) - before]
}

/** Lets one method fail, once or always. */
const failing = (name: string, fault: Fault, times = Number.POSITIVE_INFINITY): void => {
  const start = proxy.calls.filter((method) => method === name).length
  proxy.fail = (method, before) => (method === name && before - start < times ? fault : null)
}

describe('settlement', () => {
  test('moves the money and tells transaction and block', async () => {
    const transfer = await signTransfer(network, payer)
    const [settlement, gained] = await gain(() => settler.settle(transfer))
    expect(settlement.outcome).toBe('settled')
    expect(gained).toBe(DOLLAR)
    if (settlement.outcome !== 'settled') return
    const receipt = await chain.request<{ blockNumber: string }>('eth_getTransactionReceipt', [
      settlement.transaction,
    ])
    expect(BigInt(receipt.blockNumber)).toBe(BigInt(settlement.block ?? -1))
  })

  test('64 at once: no gap, no failure, every dollar there', async () => {
    const busy = wallet(at(chain.accounts, 0).privateKey)
    const direct = baseSepolia({ rpc: chain.url, settle: busy })
    const transfers = await Promise.all(Array.from({ length: 64 }, () => signTransfer(direct, payer)))
    const before = await chain.balanceOf(SELLER)
    const settlements = await Promise.all(transfers.map((transfer) => busy.settle(transfer)))
    expect(settlements.filter(({ outcome }) => outcome !== 'settled')).toEqual([])
    expect(await chain.balanceOf(SELLER)).toBe(before + 64n * DOLLAR)
    const hashes = settlements.map((settlement) => settlement.outcome === 'settled' && settlement.transaction)
    expect(new Set(hashes).size).toBe(64)
  })

  test('one authorization settled twice at once pays once', async () => {
    const transfer = await signTransfer(network, payer)
    const [, gained] = await gain(async () => {
      await Promise.all([settler.settle(transfer), settler.settle(transfer)])
      return settler.settle(transfer)
    })
    expect(gained).toBe(DOLLAR)
  })

  test('two wallets with one key get in each other’s way without harm', async () => {
    const { privateKey } = at(chain.accounts, 2)
    const wallets = [wallet(privateKey), wallet(privateKey)]
    const transfers = await Promise.all(Array.from({ length: 6 }, () => signTransfer(network, payer)))
    const before = await chain.balanceOf(SELLER)
    const settlements = await Promise.all(
      transfers.map((transfer, index) => at(wallets, index % 2).settle(transfer)),
    )
    const settled = settlements.filter(({ outcome }) => outcome === 'settled').length
    expect(settlements.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    expect(await chain.balanceOf(SELLER)).toBe(before + BigInt(settled) * DOLLAR)
  })

  test('a viem account signs as well as a key', async () => {
    const account = privateKeyToAccount(at(chain.accounts, 3).privateKey)
    const transfer = await signTransfer(network, payer)
    const [settlement, gained] = await gain(() => wallet(account).settle(transfer))
    expect(settlement.outcome).toBe('settled')
    expect(gained).toBe(DOLLAR)
  })

  test('a contract wallet pays with a signature of any length', async () => {
    const contract = '0xc047ac7c047ac7c047ac7c047ac7c047ac7c047a'
    await chain.plant('OwnedPayer', contract)
    const data = `0x19ab453c${payer.address.slice(2).padStart(64, '0')}`
    await chain.request('eth_sendTransaction', [{ from: payer.address, to: contract, data }])
    await chain.mint(contract, 3n * DOLLAR)
    const short = await signTransfer(network, payer, authorize({ ...payer, address: contract }))
    const long = await signTransfer(network, payer, authorize({ ...payer, address: contract }))
    const padded = { ...long, signature: `0x${'00'.repeat(333)}${long.signature.slice(2)}` } as const
    for (const transfer of [short, padded]) {
      const [settlement, gained] = await gain(() => settler.settle(transfer))
      expect(settlement).toMatchObject({ outcome: 'settled' })
      expect(gained).toBe(DOLLAR)
    }
  })

  test('waits for the confirmations asked for', async () => {
    const patient = wallet(at(chain.accounts, 4).privateKey, { confirmations: 3, timeoutMs: 5000 })
    const transfer = await signTransfer(network, payer)
    const settling = patient.settle(transfer)
    const early = await Promise.race([
      settling,
      new Promise((resolve) => setTimeout(resolve, 700, 'waiting')),
    ])
    expect(early).toBe('waiting')
    await chain.mine(2)
    expect(await settling).toMatchObject({ outcome: 'settled' })
  })
})

describe('refused by the token: failed, nothing moved, nothing sent', () => {
  const refused = async (
    transfer: Promise<Parameters<Settler['settle']>[0]>,
    cause: string,
  ): Promise<void> => {
    const sends = proxy.calls.filter((method) => method === 'eth_sendRawTransaction').length
    const [settlement, gained] = await gain(async () => settler.settle(await transfer))
    expect(settlement).toMatchObject({ outcome: 'failed', cause: `invalid_exact_evm_${cause}` })
    expect(gained).toBe(0n)
    expect(proxy.calls.filter((method) => method === 'eth_sendRawTransaction').length).toBe(sends)
  }

  test('too little money', async () => {
    await refused(
      signTransfer(network, payer, authorize(payer, { value: 10n ** 15n })),
      'insufficient_balance',
    )
  })

  test('expired', async () => {
    const validBefore = BigInt(Math.floor(Date.now() / 1000) - 60)
    await chain.mine()
    await refused(
      signTransfer(network, payer, authorize(payer, { validBefore })),
      'payload_authorization_valid_before',
    )
  })

  test('not valid yet', async () => {
    const validAfter = BigInt(Math.floor(Date.now() / 1000) + 1000)
    await refused(
      signTransfer(network, payer, authorize(payer, { validAfter, validBefore: validAfter + 100n })),
      'payload_authorization_valid_after',
    )
  })

  test('signed by somebody else', async () => {
    await refused(signTransfer(network, at(chain.accounts, 5), authorize(payer)), 'signature')
  })

  test('used before', async () => {
    const transfer = await signTransfer(network, payer)
    await submit(chain, at(chain.accounts, 6), transfer)
    await refused(Promise.resolve(transfer), 'nonce_already_used')
  })

  test('a contract wallet that burns gas (case 17)', async () => {
    const contract = '0xb047ac7c047ac7c047ac7c047ac7c047ac7c047a'
    await chain.plant('BurningPayer', contract)
    await chain.mint(contract, DOLLAR)
    await refused(signTransfer(network, payer, authorize({ ...payer, address: contract })), 'signature')
  })
})

describe('overtaken', () => {
  test('by somebody who submits the same authorization: the money is there, so it is settled', async () => {
    await chain.request('evm_setAutomine', [false])
    const transfer = await signTransfer(network, payer)
    const before = await chain.balanceOf(SELLER)
    const settling = settler.settle(transfer)
    await expect.poll(() => pendingCount()).toBe(1)
    // A higher tip comes first in the block.
    const front = await sendWithTip(transfer)
    await chain.mine()
    const settlement = await settling
    await chain.request('evm_setAutomine', [true])
    expect(settlement).toMatchObject({ outcome: 'settled', transaction: front })
    expect(await chain.balanceOf(SELLER)).toBe(before + DOLLAR)
  })

  test('by a payer who moves the money away: failed', async () => {
    const poor = at(chain.accounts, 7)
    await chain.mint(poor.address, DOLLAR)
    await chain.request('evm_setAutomine', [false])
    const transfer = await signTransfer(network, poor)
    const before = await chain.balanceOf(SELLER)
    const settling = settler.settle(transfer)
    await expect.poll(() => pendingCount()).toBe(1)
    const away = await signTransfer(network, poor, authorize(poor, { to: payer.address }))
    await sendWithTip(away)
    await chain.mine()
    const settlement = await settling
    await chain.request('evm_setAutomine', [true])
    expect(settlement).toMatchObject({ outcome: 'failed', cause: 'invalid_exact_evm_insufficient_balance' })
    expect(await chain.balanceOf(SELLER)).toBe(before)
  })

  test('by a payer who uses the nonce to pay somebody else: failed', async () => {
    await chain.request('evm_setAutomine', [false])
    const transfer = await signTransfer(network, payer)
    const before = await chain.balanceOf(SELLER)
    const settling = settler.settle(transfer)
    await expect.poll(() => pendingCount()).toBe(1)
    const { nonce } = transfer.authorization
    const elsewhere = authorize(payer, { nonce, to: at(chain.accounts, 8).address })
    await sendWithTip(await signTransfer(network, payer, elsewhere))
    await chain.mine()
    const settlement = await settling
    await chain.request('evm_setAutomine', [true])
    expect(settlement).toMatchObject({ outcome: 'failed', cause: 'invalid_exact_evm_nonce_already_used' })
    expect(await chain.balanceOf(SELLER)).toBe(before)
  })

  const pendingCount = async (): Promise<number> => {
    const { pending } = await chain.request<{ pending: string }>('txpool_status')
    return Number(pending)
  }

  const sendWithTip = async (transfer: Parameters<Settler['settle']>[0]): Promise<string> => {
    const { transferCall } = await import('../../src/evm/token.ts')
    const data = transferCall(transfer.authorization, transfer.signature)
    const gas = { gas: '0x7a120', maxFeePerGas: '0x174876e800', maxPriorityFeePerGas: '0x174876e800' }
    const transaction = { from: at(chain.accounts, 9).address, to: transfer.asset.address, data, ...gas }
    return chain.request('eth_sendTransaction', [transaction])
  }
})

describe('a node that fails', () => {
  const outcomes = async (): Promise<[Settlement, bigint]> => {
    const transfer = await signTransfer(network, payer)
    return gain(() => settler.settle(transfer))
  }

  test.each<[string, Fault]>([
    ['eth_call', 'drop'],
    ['eth_call', 'hang'],
    ['eth_getBlockByNumber', 'garbage'],
    ['eth_maxPriorityFeePerGas', { status: 503, body: 'busy' }],
    ['eth_call', { body: { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'internal' } } }],
  ])('before the send, at %s (%j): unsent', async (method, fault) => {
    failing(method, fault)
    const [settlement, gained] = await outcomes()
    expect(settlement.outcome).toBe('unsent')
    expect(gained).toBe(0n)
  })

  test.each<[Fault, bigint]>([
    ['drop', 0n],
    ['hang', 0n],
    ['garbage', 0n],
    [{ status: 502, body: 'bad gateway' }, 0n],
    [{ body: { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'context deadline exceeded' } } }, 0n],
    ['drop-answer', DOLLAR],
  ])('during the send (%j): unknown, with the hash', async (fault, moved) => {
    failing('eth_sendRawTransaction', fault, 1)
    const [settlement, gained] = await outcomes()
    expect(settlement).toMatchObject({
      outcome: 'unknown',
      transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    })
    expect(gained).toBe(moved)
    if (settlement.outcome === 'unknown' && moved > 0n) {
      expect(await chain.request('eth_getTransactionReceipt', [settlement.transaction])).toMatchObject({
        status: '0x1',
      })
    }
    const [next] = await outcomes()
    expect(next.outcome).toBe('settled')
  })

  test.each([
    { status: 429, body: 'slow down' },
    { status: 401, body: {} },
    { body: { jsonrpc: '2.0', id: 1, error: { code: -32005, message: 'limit exceeded' } } },
    {
      body: {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -32000, message: 'insufficient funds for gas * price + value' },
      },
    },
    { body: { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'transaction underpriced' } } },
  ])('that turns the transaction away (%j): unsent, and the next one fills its nonce', async (fault) => {
    failing('eth_sendRawTransaction', fault, 1)
    const [settlement, gained] = await outcomes()
    expect(settlement.outcome).toBe('unsent')
    expect(gained).toBe(0n)
    const [next] = await outcomes()
    expect(next.outcome).toBe('settled')
  })

  test('that says the nonce is taken: the next nonce', async () => {
    const error = { code: -32000, message: 'nonce too low: next nonce 9, tx nonce 8' }
    failing('eth_sendRawTransaction', { body: { jsonrpc: '2.0', id: 1, error } }, 1)
    await chain.request('evm_setAutomine', [true])
    const transfer = await signTransfer(network, payer)
    // The gap that the lie leaves is filled by somebody else with the key, as it would be if it were true.
    const settling = settler.settle(transfer)
    const from = at(chain.accounts, 0).address
    await chain.request('eth_sendTransaction', [{ from, to: from, value: '0x0' }])
    expect(await settling).toMatchObject({ outcome: 'settled' })
  })

  test('while waiting: unknown with the hash; the lane recovers', async () => {
    failing('eth_getTransactionReceipt', 'drop')
    const [settlement, gained] = await outcomes()
    expect(settlement).toMatchObject({ outcome: 'unknown', transaction: expect.stringMatching(/^0x/) })
    expect(gained).toBe(DOLLAR)
    proxy.fail = () => null
    const [next] = await outcomes()
    expect(next.outcome).toBe('settled')
  })

  test('for a moment while waiting: settled all the same', async () => {
    failing('eth_getTransactionReceipt', 'garbage', 2)
    const [settlement, gained] = await outcomes()
    expect(settlement.outcome).toBe('settled')
    expect(gained).toBe(DOLLAR)
  })

  test('a transaction that no block takes: unknown, then the next goes through', async () => {
    await chain.request('evm_setAutomine', [false])
    const [settlement] = await outcomes()
    expect(settlement).toMatchObject({ outcome: 'unknown', transaction: expect.stringMatching(/^0x/) })
    await chain.request('evm_setAutomine', [true])
    await chain.mine()
    const [next] = await outcomes()
    expect(next.outcome).toBe('settled')
  })

  test('the endpoint of another chain: unsent, and both are named', async () => {
    const other = await startEvmChain({ chainId: 8453 })
    try {
      const wrong = baseSepolia({ rpc: other.url, settle: settler })
      const settlement = await settler.settle(await signTransfer(wrong, payer))
      expect(settlement).toEqual({
        outcome: 'unsent',
        detail: 'The RPC endpoint serves chain 8453, not 84532.',
      })
    } finally {
      await other.stop()
    }
  })

  test('nobody there: unsent', async () => {
    const gone = await startFaultyRpc(chain.url)
    await gone.stop()
    const nowhere = baseSepolia({ rpc: gone.url, settle: settler })
    const settlement = await settler.settle(await signTransfer(nowhere, payer))
    expect(settlement).toEqual({ outcome: 'unsent', detail: 'The RPC endpoint could not be reached.' })
  })
})

describe('a wallet that cannot', () => {
  test('pay for gas says so, with its address', async () => {
    const empty = wallet(`0x${'42'.repeat(32)}`)
    const [settlement, gained] = await gain(async () => empty.settle(await signTransfer(network, payer)))
    expect(settlement).toMatchObject({
      outcome: 'unsent',
      detail: expect.stringContaining('too little native currency'),
    })
    expect(gained).toBe(0n)
  })

  test('go as dear as the chain is waits', async () => {
    const thrifty = wallet(devKeys[0], { maxFeePerGas: 1n })
    const settlement = await thrifty.settle(await signTransfer(network, payer))
    expect(settlement).toEqual({ outcome: 'unsent', detail: 'Gas costs more than maxFeePerGas now.' })
  })

  test('sign leaves the lane open', async () => {
    const account = privateKeyToAccount(at(chain.accounts, 2).privateKey)
    let fails = true
    const flaky = wallet({
      ...account,
      signTransaction: (...args) => {
        if (!fails) return account.signTransaction(...args)
        fails = false
        throw new Error('the key service says no')
      },
    })
    expect(await flaky.settle(await signTransfer(network, payer))).toMatchObject({ outcome: 'unsent' })
    expect(await flaky.settle(await signTransfer(network, payer))).toMatchObject({ outcome: 'settled' })
  })
})

describe('options', () => {
  test.each([
    '0x',
    `0x${'00'.repeat(32)}`,
    `0x${'ff'.repeat(32)}`,
    'ab'.repeat(32),
    `0x${'ab'.repeat(31)}`,
    undefined,
    {},
  ])('a bad key (%#) is refused and never shown', (key) => {
    const error = thrown(() => wallet(key as `0x${string}`))
    expect(error).toMatchObject({ code: 'invalid-option' })
    if (typeof key === 'string' && key.length > 2) expect(String(error)).not.toContain(key.slice(2))
  })

  test.each([
    { maxFeePerGas: 0n },
    { maxGas: 1n },
    { confirmations: 0 },
    { confirmations: 1.5 },
    { timeoutMs: 5 },
    { timeoutMs: Number.NaN },
    { retries: 3 },
  ])('%o is refused by name', (options) => {
    const error = thrown(() => wallet(devKeys[0], options))
    expect(error).toMatchObject({ code: 'invalid-option' })
    expect(String(error)).toContain(`wallet.${Object.keys(options)[0]}`)
  })

  const thrown = (run: () => unknown): unknown => {
    try {
      run()
    } catch (error) {
      return error
    }
    throw new Error('nothing was thrown')
  }
})
