import { describe, expect, it } from 'vitest'
import { type PayableAsset, stablecoins } from '../../src/client.ts'
import { limitOf } from '../../src/mcp/request-fields.ts'

const token = (symbol: string, digit: string): PayableAsset => ({
  network: 'eip155:8453',
  address: `0x${digit.repeat(40)}` as `0x${string}`,
  symbol,
  decimals: 18,
  isDollar: false,
})
const assets = [...stablecoins, token('WETH', 'e'), token('EURC', 'c')]
const [weth, eurc] = [`eip155:8453/erc20:0x${'e'.repeat(40)}`, `eip155:8453/erc20:0x${'c'.repeat(40)}`]

describe('limits of a call', () => {
  it.each([
    [{}, undefined],
    [{ max_payment: '0.05' }, { usd: '0.05', [weth]: '0', [eurc]: '0' }],
    [{ max_payment: 0.05 }, { usd: '0.05', [weth]: '0', [eurc]: '0' }],
    [{ max_payment: 1e-7 }, { usd: '0.0000001', [weth]: '0', [eurc]: '0' }],
    [{ max_payment: 100 }, { usd: '100', [weth]: '0', [eurc]: '0' }],
    [{ max_payment: 0 }, { usd: '0', [weth]: '0', [eurc]: '0' }],
    [{ max_payment_eth: '0.001' }, { usd: '0.001', [weth]: '0.001', [eurc]: '0' }],
    [
      { max_payment: '2', max_payment_eth: '0.001' },
      { usd: '2', [weth]: '0.001', [eurc]: '0' },
    ],
  ])('%j', (limits, expected) => expect(limitOf(limits, { assets })).toEqual(expected))
})
