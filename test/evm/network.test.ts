import { expect, test } from 'vitest'
import { base, baseSepolia, type EvmNetworkOptions, evmNetwork } from '../../src/evm/network.ts'
import type { Settler } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { devKeys } from '../chains/anvil.ts'

const settle: Settler = {
  name: 'none',
  verify: async () => null,
  settle: async () => ({ outcome: 'unsent', detail: '' }),
}
const asset = {
  address: '0xAbCdEf0123456789aBcDeF0123456789AbCdEf01',
  decimals: 6,
  symbol: 'USDX',
  eip712: { name: 'X Dollar', version: '1' },
} as const

test('the presets are the chains and tokens that clients know', () => {
  expect(base({ settle })).toMatchObject({ id: 'eip155:8453', v1Name: 'base', rpc: null })
  expect(baseSepolia({ settle })).toMatchObject({ id: 'eip155:84532', v1Name: 'base-sepolia' })
})

test('another chain, with addresses in canonical form and no v1 name', () => {
  const network = evmNetwork({ chainId: 43114, assets: [asset], settle, rpc: 'https://rpc.example' })
  expect(network).toMatchObject({ id: 'eip155:43114', v1Name: null })
  expect(network.assets).toEqual([{ ...asset, address: asset.address.toLowerCase() }])
  expect(network.rpc).not.toBeNull()
})

test.each<[string, Partial<EvmNetworkOptions>]>([
  ['chainId', { chainId: 0 }],
  ['chainId', { chainId: 1.5 }],
  ['assets', { assets: [] }],
  ['assets[].address', { assets: [{ ...asset, address: '0x12' }] }],
  ['assets[].decimals', { assets: [{ ...asset, decimals: -1 }] }],
  ['assets[].eip712', { assets: [{ address: asset.address, decimals: 6, symbol: 'OLD' }] }],
  ['assets[].eip712', { assets: [{ ...asset, eip712: { name: 'X', version: '' } }] }],
  ['rpc.url', { rpc: 'wss://rpc.example' }],
  ['rpc.url', { rpc: 'rpc.example' }],
  ['rpc.timeoutMs', { rpc: { url: 'https://rpc.example', timeoutMs: 1 } }],
  ['rpc.headers', { rpc: { url: 'https://rpc.example', headers: { a: 'b\r\nc: d' } } }],
  ['rpc.retries', { rpc: { url: 'https://rpc.example', retries: 3 } as never }],
  ['settle', { settle: undefined as never }],
  ['rpc', { settle: wallet(devKeys[0]) }],
  ['network.facilitator', { facilitator: 'https://x402.example' } as never],
])('a bad %s is refused by name', (option, more) => {
  expect(() => evmNetwork({ chainId: 1, assets: [asset], settle, ...more })).toThrow(`${option}: expected`)
})

test('an RPC URL may hold a key, so it stands in no error', () => {
  expect(() => evmNetwork({ chainId: 1, assets: [asset], settle, rpc: 'ftp://rpc.example/secret' })).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('secret') }),
  )
})
