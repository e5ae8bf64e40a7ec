import { build } from 'esbuild'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { ROOT } from '../package/imports.ts'
import { type Chromium, openChromium } from './chromium.ts'

let chain: EvmChain
let payer: Payer
let shop: Shop
let browser: Chromium

beforeAll(async () => {
  chain = await startEvmChain()
  payer = await createEvmPayer(chain)
  shop = await openShop({ '/report': { price: '0.01', acceptSessions: true } }, { evm: [chain] })
  browser = await openChromium(await script())
  const account = privateKeyToAccount(payer.privateKey)
  // The wallet stays outside the page, as that of an extension does.
  await browser.page.exposeFunction('askWallet', async (method: string, params: readonly unknown[] = []) => {
    if (method === 'eth_requestAccounts') return [account.address]
    if (method === 'eth_signTypedData_v4') return account.signTypedData(JSON.parse(String(params[1])))
    throw new Error(`unknown method ${method}`)
  })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await shop?.stop()
  await chain?.stop()
})

/** Our client as a bundler packs it for a page. */
async function script(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { payFetch, paymentOf } from './src/client.ts'
        const provider = { request: ({ method, params }) => askWallet(method, params) }
        const pay = payFetch({ wallet: provider, budget: { total: '0.01' } })
        globalThis.buy = async (url, body) => {
          try {
            const response = await pay(url, body === undefined ? {} : { method: 'POST', body })
            return { status: response.status, body: await response.json(), payment: paymentOf(response) }
          } catch (error) {
            return { name: error.name, code: error.code }
          }
        }`,
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    // Loaded for transactions on Tempo only.
    external: ['viem', 'viem/*', 'jose'],
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

interface Bought {
  readonly status?: number
  readonly body?: unknown
  readonly payment?: { readonly amount: string; readonly receipt: { readonly status: string } } | null
  readonly code?: string
}

const buy = (...args: readonly string[]): Promise<Bought> =>
  browser.page.evaluate(`buy(${args.map((arg) => JSON.stringify(arg)).join(', ')})`)

it('a page of another origin pays with the wallet of its browser, goes on in the session, and keeps to its budget', async () => {
  const url = `${shop.url}/report`
  expect(await buy(url, 'what is asked')).toMatchObject({
    status: 200,
    body: { run: 1 },
    payment: { amount: '0.01', receipt: { status: 'matches' } },
  })
  expect(await buy(url)).toMatchObject({ status: 200, body: { run: 2 }, payment: null })
  await shop.coffer.sessions.revoke(shop.grants[0]?.session?.id ?? '')
  expect(await buy(url)).toMatchObject({ name: 'CofferError', code: 'payment-refused' })
  expect([TEN_DOLLARS - (await chain.balanceOf(payer.address)), shop.runs('/report')]).toEqual([10_000n, 2])
}, 60_000)
