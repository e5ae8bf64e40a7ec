import { createPublicClient, createWalletClient, http, parseAbi } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { baseSepolia } from 'viem/chains'
import { describe, expect, it } from 'vitest'
import { transferCall } from '../../src/evm/token.ts'
import { createFakeChain } from '../../src/testing/fake-chain.ts'
import { createFakeClock } from '../../src/testing/fake-clock.ts'
import { createFakeRandom } from '../../src/testing/fake-random.ts'
import { createTestPayer } from '../../src/testing/test-payer.ts'
import { createPayer } from '../clients/payers.ts'
import { authorize, signTransfer } from '../evm/signing.ts'

const ONE = 10n ** 18n

/** viem on a fake chain: what other software makes of it. */
function connect() {
  const clock = createFakeClock()
  const chain = createFakeChain({ clock })
  const transport = http(chain.rpc.url, { fetchFn: chain.fetch, retryCount: 0 })
  const { privateKey, address } = createPayer()
  chain.setGasMoney(address, ONE)
  const account = privateKeyToAccount(privateKey)
  const reader = createPublicClient({ chain: baseSepolia, transport, cacheTime: 0 })
  const writer = createWalletClient({ account, chain: baseSepolia, transport })
  /** A transaction whose every part is decided here. */
  const send = (nonce: number, more: object = {}) =>
    writer.sendTransaction({
      to: createPayer().address,
      value: 1n,
      nonce,
      gas: 21_000n,
      maxFeePerGas: 20_000_000n,
      maxPriorityFeePerGas: 1n,
      type: 'eip1559',
      ...more,
    })
  return { clock, chain, reader, send, address, privateKey }
}

describe('a fake chain', () => {
  it('is read by viem', async () => {
    const { chain, reader, clock } = connect()
    const holder = createPayer().address
    chain.fund(holder, 5n)
    const abi = parseAbi(['function balanceOf(address) view returns (uint256)'])
    const read = { address: chain.asset.address, abi, functionName: 'balanceOf', args: [holder] } as const
    expect(await reader.readContract(read)).toBe(5n)
    expect(await reader.getChainId()).toBe(84532)
    const { number, timestamp } = await reader.getBlock()
    expect(timestamp).toBe(BigInt(clock() / 1000))
    clock.advance(60_000)
    const later = await reader.getBlock()
    expect([later.number - number, later.timestamp - timestamp]).toEqual([30n, 60n])
    expect((await reader.getBlock({ blockNumber: number + 10n })).timestamp).toBe(timestamp + 20n)
    await expect(reader.getBlock({ blockNumber: later.number + 1n })).rejects.toThrow(/not be found/)
  })

  it('mines what has the next nonce, keeps what is ahead, and refuses what is behind', async () => {
    const { reader, send, address } = connect()
    const third = await send(2)
    const second = await send(1)
    await expect(reader.getTransactionReceipt({ hash: third })).rejects.toThrow(/not be found/)
    const first = await send(0)
    const blocks = []
    for (const hash of [first, second, third]) {
      const { status, blockNumber } = await reader.getTransactionReceipt({ hash })
      expect(status).toBe('success')
      blocks.push(blockNumber)
    }
    expect(blocks).toEqual([...blocks].sort())
    expect(new Set(blocks).size).toBe(3)
    expect(await reader.getTransactionCount({ address })).toBe(3)
    await expect(send(1)).rejects.toThrow(/nonce too low|lower than/i)
  })

  it('takes gas money, and refuses who has none, pays too little for gas, or signs for another chain', async () => {
    const { chain, reader, send, address } = connect()
    await send(0)
    expect(await reader.getBalance({ address })).toBe(ONE - 1n - 21_000n * 10_000_001n)
    await expect(send(1, { maxFeePerGas: 1n })).rejects.toThrow(/max fee per gas less than block base fee/)
    await expect(send(1, { gas: 20_000n })).rejects.toThrow(/intrinsic gas too low/)
    await expect(send(1, { value: 2n * ONE })).rejects.toThrow(/insufficient funds/)
    await expect(
      send(1, {
        type: 'legacy',
        maxFeePerGas: undefined,
        maxPriorityFeePerGas: undefined,
        gasPrice: 20_000_000n,
      }),
    ).rejects.toThrow(/type not supported/)
    chain.setGasMoney(address, 0n)
    await expect(send(1)).rejects.toThrow(/insufficient funds/)
    const other = createFakeChain({ chainId: 8453 })
    expect([other.id, other.asset.eip712?.name]).toEqual(['eip155:8453', 'USD Coin'])
    const raw = await privateKeyToAccount(createPayer().privateKey).signTransaction({
      chainId: 84532,
      nonce: 0,
      type: 'eip1559',
    })
    const call = { jsonrpc: '2.0', id: 1, method: 'eth_sendRawTransaction', params: [raw] }
    const answer = await other.fetch(other.rpc.url, { method: 'POST', body: JSON.stringify(call) })
    expect(await answer.json()).toMatchObject({ error: { message: 'invalid chain id for signer' } })
  })

  it.each([
    ['an unknown method', { method: 'eth_mine' }, -32601],
    ['a method of every object', { method: 'toString' }, -32601],
    ['no call', { method: 'eth_call', params: [] }, -32602],
    [
      'another call of the token',
      {
        method: 'eth_call',
        params: [{ to: '0x036cbd53842c5426634e7929541ec2318f3dcf7e', data: '0x12345678' }],
      },
      3,
    ],
    ['code that is no probe', { method: 'eth_call', params: [{ data: '0x6000' }] }, 3],
    ['what is no transaction', { method: 'eth_sendRawTransaction', params: ['0x02'] }, -32000],
  ])('answers %s with an error', async (_what, call, code) => {
    const { chain } = connect()
    const answer = await chain.fetch(chain.rpc.url, { method: 'POST', body: JSON.stringify(call) })
    expect(await answer.json()).toMatchObject({ error: { code } })
  })

  it('remembers when an authorization was used', async () => {
    const { chain, reader } = connect()
    const payer = createPayer()
    chain.fund(payer.address, 1_000_000n)
    const authorization = authorize(payer, { validBefore: BigInt(chain.clock()) })
    const transfer = await signTransfer(chain.network(), payer, authorization)
    const { number: before } = await reader.getBlock()
    expect(await transfer.network.settler.settle(transfer)).toMatchObject({ outcome: 'settled' })
    const abi = parseAbi(['function authorizationState(address,bytes32) view returns (uint256)'])
    const args = [payer.address, authorization.nonce] as const
    const call = { address: chain.asset.address, abi, functionName: 'authorizationState', args } as const
    expect(await reader.readContract({ ...call, blockNumber: before })).toBe(0n)
    expect(await reader.readContract(call)).toBe(1n)

    const logs = (range: { fromBlock: bigint; toBlock: bigint }) =>
      reader.getLogs({ address: chain.asset.address, ...range })
    expect(await logs({ fromBlock: before, toBlock: before + 1n })).toHaveLength(2)
    expect(await logs({ fromBlock: before, toBlock: before })).toEqual([])
    expect(await logs({ fromBlock: before + 2n, toBlock: before + 9n })).toEqual([])
    expect(await reader.getLogs({ address: payer.address, fromBlock: 0n })).toEqual([])
  })

  it('reverts a transfer that runs out of gas', async () => {
    const { chain, reader, send } = connect()
    const payer = createPayer()
    chain.fund(payer.address, 1_000_000n)
    const authorization = authorize(payer, { validBefore: BigInt(chain.clock()) })
    const transfer = await signTransfer(chain.network(), payer, authorization)
    const data = transferCall(transfer.authorization, transfer.signature)
    const statuses = []
    for (const [nonce, gas] of [60_000n, 120_000n].entries()) {
      const hash = await send(nonce, { to: chain.asset.address, data, gas, value: 0n })
      statuses.push((await reader.getTransactionReceipt({ hash })).status)
    }
    expect(statuses).toEqual(['reverted', 'success'])
    expect(chain.balanceOf(payer.address)).toBe(0n)
  })

  it('tells what was called', async () => {
    const { chain, reader } = connect()
    await reader.getGasPrice()
    expect(chain.calls).toEqual(['eth_gasPrice'])
  })

  it('refuses accounts that are none', () => {
    const { chain } = connect()
    expect(() => chain.balanceOf('0x12')).toThrow(/^account: expected an address/)
    expect(() => createFakeChain({ chainid: 1 } as never)).toThrow(/chainid/)
  })
})

describe('fake time and randomness', () => {
  it('stand still, and move when they are moved', () => {
    const clock = createFakeClock()
    expect(clock()).toBe(Date.UTC(2030, 0, 1))
    clock.advance(1500)
    expect(clock()).toBe(Date.UTC(2030, 0, 1) + 1500)
  })

  it('are the same in every run, and never twice the same in one', () => {
    const [one, same, other] = [createFakeRandom('a'), createFakeRandom('a'), createFakeRandom('b')]
    const drawn = one(40)
    expect(drawn).toHaveLength(40)
    expect(same(40)).toEqual(drawn)
    expect(one(40)).not.toEqual(drawn)
    expect(other(40)).not.toEqual(drawn)
    expect(one(0)).toHaveLength(0)
  })

  it('make payers that are the same in every run', () => {
    const payers = [1, 2].map(() => createTestPayer({ chain: createFakeChain(), random: createFakeRandom() }))
    expect(payers[0]?.address).toBe(payers[1]?.address)
  })
})

it('a payer signs messages, as session tokens want them', async () => {
  const { signer, address } = createTestPayer({ chain: createFakeChain() })
  const signature = await signer.signMessage?.({ message: 'hello' })
  const { verifyMessage } = await import('viem')
  expect(await verifyMessage({ address, message: 'hello', signature: signature ?? '0x' })).toBe(true)
})
