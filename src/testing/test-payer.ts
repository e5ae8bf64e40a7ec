import { createRpc } from '../evm/rpc.ts'
import type { Signer } from '../evm/signer.ts'
import { type Hex, toHex } from '../lib/hex.ts'
import { type Random, systemRandom } from '../lib/id.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../lib/json.ts'
import type { Address } from '../payments/address.ts'
import { parsePrice, toBaseUnits } from '../payments/amount.ts'
import { chainNumberOf } from '../payments/chain.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { mppPayer } from '../protocols/mpp/pay.ts'
import type { OffersRead, Unpaid } from '../protocols/payer.ts'
import { decodeEnvelope, encodeEnvelope } from '../protocols/x402/envelope.ts'
import { PAYMENT_REQUIRED } from '../protocols/x402/headers.ts'
import { x402Payer } from '../protocols/x402/pay.ts'
import { accountOf } from './account.ts'
import type { PayableChain } from './fake-chain.ts'

/** Answers requests: a function as servers have it, such as what `paid` of `coffer/fetch` returns. */
export type TestedHandler = (request: Request) => Response | Promise<Response>

/** What a payer speaks: x402 version 2, x402 version 1, or MPP. */
export type PayerDialect = 'x402' | 'x402-v1' | 'mpp'

/** Options of {@link createTestPayer}. */
export interface TestPayerOptions {
  /** The chain that it has money on: a fake EVM chain, or, for MPP, a fake Tempo. */
  readonly chain: PayableChain
  /** What it speaks. Default `x402`, which is version 2. */
  readonly protocol?: PayerDialect
  /** US dollars that it starts with, as a decimal string. Default `'10'`. */
  readonly funds?: string
  /** Where its key and its nonces come from. Default: the runtime's cryptographic source. */
  readonly random?: Random
}

/** An agent with a wallet, for tests: it answers a 402 by paying whatever is asked. */
export interface TestPayer {
  readonly address: Address
  /** Signs for it; its `signMessage` makes session tokens. */
  readonly signer: Signer
  /**
   * Makes a request and, when the answer is 402, pays and makes it again. Returns the answer to the paid request, whatever it
   * is, or the first one when it asks for nothing.
   *
   * @throws CofferError `invalid-state` when the 402 asks for nothing that this payer can pay.
   */
  fetch(handler: TestedHandler, request: Request | string, init?: RequestInit): Promise<Response>
  /**
   * The request with the credential that answers a 402: for tests that send it twice, elsewhere, or never.
   *
   * @throws CofferError `invalid-state` when the 402 asks for nothing that this payer can pay.
   */
  pay(request: Request, unpaid: Response): Promise<Request>
}

/** Makes a payer with an account of its own, and gives it money. */
export function createTestPayer(options: TestPayerOptions): TestPayer {
  refuseUnknownOptions(options, ['chain', 'protocol', 'funds', 'random'], 'test payer')
  const { chain, protocol = 'x402', funds = '10', random = systemRandom } = options
  const readOffers = DIALECTS[protocol] ?? invalidOption('protocol', 'x402, x402-v1 or mpp', protocol)
  const key = toHex(random(32))
  const signer = signerOf(key)
  chain.fund(signer.address, toBaseUnits(parsePrice(funds, 'funds'), chain.asset.decimals))
  const rpc = createRpc(chain.rpc, chainNumberOf(chain.id))

  async function pay(request: Request, unpaid: Response): Promise<Request> {
    const body = parseJsonObject(await unpaid.clone().text())
    const { offers, unreadable } = readOffers({ headers: unpaid.headers, body })
    const offer = offers.find(({ network, asset }) => network === chain.id && asset === chain.asset.address)
    if (offer === undefined) {
      const found = offers.map(({ method, network }) => `${method} on ${network}`)
      const what = [...found, ...unreadable].join('; ') || 'nothing'
      throw new CofferError(
        'invalid-state',
        `this ${protocol} payer has ${chain.asset.symbol} on ${chain.id}; asked for: ${what}`,
      )
    }
    const { field } = await offer.sign({
      signer,
      asset: chain.asset,
      now: chain.clock(),
      random,
      key: toHex(random(16)).slice(2),
      rpc,
      mode: 'pull',
    })
    const paid = new Request(request)
    paid.headers.set(...field)
    return paid
  }

  return {
    address: signer.address,
    signer,
    pay,
    async fetch(handler, input, init) {
      const request = new Request(input, init)
      const answer = await handler(request.clone())
      return answer.status === 402 ? handler(await pay(request, answer)) : answer
    },
  }
}

const DIALECTS: Readonly<Record<PayerDialect, (unpaid: Unpaid) => OffersRead>> = {
  x402: ({ headers, body }) => x402Payer.readOffers({ headers: unnamed(headers), body }),
  'x402-v1': ({ headers, body }) =>
    x402Payer.readOffers({ headers: without(headers, PAYMENT_REQUIRED), body }),
  mpp: (unpaid) => mppPayer.readOffers(unpaid),
}

/** A plain client names its requests only where it must: else the same request, sent twice, would be a repeat. */
function unnamed(headers: Headers): Headers {
  const required = decodeEnvelope(headers.get(PAYMENT_REQUIRED) ?? '')
  const extensions = required?.['extensions']
  if (required === null || !isJsonObject(extensions) || mustBeNamed(extensions)) return headers
  const { 'payment-identifier': _, ...others } = extensions
  const changed = new Headers(headers)
  changed.set(PAYMENT_REQUIRED, encodeEnvelope({ ...required, extensions: others }))
  return changed
}

function mustBeNamed({ 'payment-identifier': extension }: JsonObject): boolean {
  const info = extension !== undefined && isJsonObject(extension) ? extension['info'] : undefined
  return info !== undefined && isJsonObject(info) && info['required'] === true
}

function without(headers: Headers, name: string): Headers {
  const changed = new Headers(headers)
  changed.delete(name)
  return changed
}

/** Signs with a private key. viem is loaded when it first does. */
function signerOf(key: Hex): Signer & { readonly address: Address } {
  const account = async () => (await import('viem/accounts')).privateKeyToAccount(key)
  return {
    address: accountOf(key),
    signTypedData: async (data) => (await account()).signTypedData(data as never),
    signMessage: async ({ message }) => (await account()).signMessage({ message }),
    signTransaction: async (transaction, options) =>
      (await account()).signTransaction(transaction as never, options as never),
  }
}
