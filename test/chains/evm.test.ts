import { domainSeparator, parseAbi } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EvmChain, startEvmChain } from './evm.ts'

let chain: EvmChain
beforeAll(async () => {
  chain = await startEvmChain()
})
afterAll(() => chain.stop())

test('the token stands at the address and domain that clients expect of Base Sepolia', async () => {
  expect(await chain.client.getChainId()).toBe(84532)
  expect(chain.usdc.address).toBe('0x036cbd53842c5426634e7929541ec2318f3dcf7e')
  const separator = await chain.client.readContract({
    address: chain.usdc.address,
    abi: parseAbi(['function DOMAIN_SEPARATOR() view returns (bytes32)']),
    functionName: 'DOMAIN_SEPARATOR',
  })
  const domain = {
    ...chain.usdc.eip712,
    chainId: BigInt(chain.chainId),
    verifyingContract: chain.usdc.address,
  }
  expect(separator).toBe(domainSeparator({ domain }))
})

test('minting moves balances and leaves the transaction counts of the accounts alone', async () => {
  const [account] = chain.accounts
  if (!account) throw new Error('no accounts')
  const goBack = await chain.snapshot()
  await chain.mint(account.address, 7n)
  expect(await chain.balanceOf(account.address)).toBe(7n)
  expect(await chain.client.getTransactionCount({ address: account.address })).toBe(0)
  await goBack()
  expect(await chain.balanceOf(account.address)).toBe(0n)
})

test('a node error carries its message', async () => {
  await expect(chain.request('eth_noSuchMethod')).rejects.toThrow(/eth_noSuchMethod/)
})
