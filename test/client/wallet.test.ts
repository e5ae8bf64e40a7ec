import { hashTypedData, recoverMessageAddress, type TypedDataDefinition } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Eip1193Provider, readWallet } from '../../src/client/wallet.ts'
import type { Signer } from '../../src/evm/signer.ts'
import { readCredential } from '../../src/protocols/x402/credential.ts'
import { devKeys } from '../chains/anvil.ts'
import { contentOf } from '../protocols/x402/fixtures.ts'
import { errorOf } from './agents.ts'
import { ask, createClient, type Market, openMarket } from './market.ts'

const account = privateKeyToAccount(devKeys[2])

/** A wallet of a browser: signs what it is shown, as JSON. */
function createProvider(answers: Readonly<Record<string, unknown>> = {}) {
  const calls: { readonly method: string; readonly params?: readonly unknown[] }[] = []
  const provider: Eip1193Provider = {
    async request(call) {
      calls.push(call)
      const { method, params = [] } = call
      if (method in answers) {
        const answer = answers[method]
        if (answer instanceof Error) throw answer
        return answer
      }
      if (method === 'eth_requestAccounts') return [account.address]
      if (method === 'eth_signTypedData_v4') return account.signTypedData(JSON.parse(String(params[1])))
      if (method === 'personal_sign')
        return account.signMessage({ message: { raw: params[0] as `0x${string}` } })
      throw new Error(`unknown method ${method}`)
    },
  }
  return { provider, calls: () => calls.map(({ method }) => method), last: () => calls.at(-1) }
}

let market: Market
beforeEach(async () => {
  market = await openMarket(({ request, isPaid }) => (isPaid ? new Response('ok') : ask(request.url)))
})
afterEach(() => market.close())

describe('the wallet of a browser', () => {
  it('pays: it is asked who it is once, and to sign for every payment', async () => {
    const { provider, calls } = createProvider()
    const pay = createClient({ wallet: provider })
    for (const path of ['/a', '/b']) expect((await pay(market.url + path)).status).toBe(200)
    expect(calls()).toEqual(['eth_requestAccounts', 'eth_signTypedData_v4', 'eth_signTypedData_v4'])
    const { authorization } = contentOf(
      readCredential(new Headers({ 'payment-signature': market.credentials()[0] ?? '' })),
    )
    expect(authorization.from).toBe(account.address.toLowerCase())
  })

  it('is asked nothing while there is nothing to pay', async () => {
    const { provider, calls } = createProvider()
    const free = await openMarket(() => new Response('ok'))
    await createClient({ wallet: provider })(free.url)
    expect(calls()).toEqual([])
    await free.close()
  })

  it('is shown the same typed data that viem signs, with the type of the domain', async () => {
    const { provider, last } = createProvider()
    const signer = await readWallet(provider)()
    const data = {
      domain: { name: 'USDC', version: '2', chainId: 84532, verifyingContract: account.address },
      types: { T: [{ name: 'value', type: 'uint256' }] },
      primaryType: 'T',
      message: { value: 2n ** 200n },
    } as const
    expect(await signer.signTypedData(data)).toBe(await account.signTypedData(data))
    const shown = JSON.parse(String(last()?.params?.[1])) as TypedDataDefinition
    expect(shown.types).toHaveProperty('EIP712Domain')
    expect(hashTypedData(shown)).toBe(hashTypedData(data))
  })

  it('signs texts, so that sessions can be shown by tokens', async () => {
    const signer = await readWallet(createProvider().provider)()
    const signature = await signer.signMessage?.({ message: 'bees 🐝' })
    expect(await recoverMessageAddress({ message: 'bees 🐝', signature: signature ?? '0x' })).toBe(
      account.address,
    )
  })

  it.each([
    ['refuses to say who it is', { eth_requestAccounts: new Error('denied') }],
    ['has no account', { eth_requestAccounts: [] }],
    ['refuses to sign', { eth_signTypedData_v4: new Error('denied') }],
    ['signs nothing', { eth_signTypedData_v4: null }],
  ])('that %s: an error, and nothing is held back', async (_what, answers) => {
    const pay = createClient({ wallet: createProvider(answers).provider })
    expect(await errorOf(pay(market.url))).toMatchObject({ code: 'signing-failed' })
    expect([market.credentials(), (await pay.spending()).usd]).toEqual([[], { held: '0', spent: '0' }])
  })

  it('that refused once is asked again', async () => {
    let refuses = true
    const { provider } = createProvider()
    const pay = createClient({
      wallet: {
        request: async (call) => {
          if (refuses) throw new Error('denied')
          return provider.request(call)
        },
      },
    })
    await errorOf(pay(market.url))
    refuses = false
    expect((await pay(market.url)).status).toBe(200)
  })
})

it('an account of viem is taken as it is, and any other signer', async () => {
  const bare: Signer = {
    address: account.address,
    signTypedData: (data) => account.signTypedData(data as never),
  }
  for (const wallet of [account, bare]) expect((await createClient({ wallet })(market.url)).status).toBe(200)
})

it('a key is in no error, no event and no journal', async () => {
  const told: unknown[] = []
  const failing = { ...account, signTypedData: () => Promise.reject(new Error('the device is away')) }
  const pay = createClient({ wallet: failing, onEvent: (event) => told.push(event) })
  const error = await errorOf(pay(market.url))
  const paid = createClient({ wallet: account, onEvent: (event) => told.push(event) })
  await paid(market.url)
  const text = JSON.stringify([told, await pay.attempts(), await paid.attempts(), error.message, error.stack])
  expect(text).not.toContain(devKeys[2].slice(2))
  // Nor is what pays, which others could collect the answer with.
  expect(text).not.toContain(market.credentials()[0])
})
