/**
 * The whole of Coffer on one machine: two local chains, a paid API, and the official clients of both protocols paying
 * it. `npm run demo`; `npm run demo -- --serve` stays up afterwards.
 */
import { createPublicClient, http } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { startEvmChain } from '../../test/chains/evm.ts'
import { startTempoChain } from '../../test/chains/tempo.ts'
import { mppEvm, mppTempo, type PayingFetch, x402V1, x402V2 } from '../../test/clients/official.ts'
import { createEvmPayer, createTempoPayer, type Payer } from '../../test/clients/payers.ts'
import { startSeller } from './server.ts'
import { dollars, printHeading, printRow } from './table.ts'

const progress = (text: string): void => console.log(`· ${text}`)

progress('starting an EVM chain (Base Sepolia with a USDC of our own) and a Tempo chain …')
const [evmChain, tempoChain] = await Promise.all([startEvmChain(), startTempoChain()])
progress(`chains are up: ${evmChain.url} and ${tempoChain.url}`)

const [settler] = evmChain.accounts
if (!settler) throw new Error('the chain has no accounts')
const seller = privateKeyToAddress(generatePrivateKey()).toLowerCase() as `0x${string}`
const { url, coffer, server } = await startSeller({
  evmRpc: evmChain.url,
  tempoRpc: tempoChain.url,
  settlerKey: settler.privateKey,
  payTo: seller,
})
progress(`the paid API is up: ${url}`)

const chains = {
  evm: { ...evmChain, reader: createPublicClient({ transport: http(evmChain.url) }) },
  tempo: { ...tempoChain, reader: createPublicClient({ transport: http(tempoChain.url) }) },
}

interface Scenario {
  readonly client: string
  readonly protocol: string
  readonly chain: keyof typeof chains
  readonly route: 'GET /weather' | 'POST /report'
  readonly pay: (payer: Payer, fetch: typeof globalThis.fetch) => PayingFetch
}

const scenarios: readonly Scenario[] = [
  {
    client: '@x402/fetch',
    protocol: 'x402 v2',
    chain: 'evm',
    route: 'GET /weather',
    pay: (payer, fetch) => x402V2(payer.privateKey, evmChain.chainId, fetch),
  },
  {
    client: 'x402-fetch',
    protocol: 'x402 v1',
    chain: 'evm',
    route: 'GET /weather',
    pay: (payer, fetch) => x402V1(payer.privateKey, evmChain, fetch),
  },
  {
    client: 'mppx',
    protocol: 'MPP tempo pull',
    chain: 'tempo',
    route: 'POST /report',
    pay: (payer, fetch) => mppTempo(payer.privateKey, tempoChain, 'pull', fetch),
  },
  {
    client: 'mppx',
    protocol: 'MPP tempo push',
    chain: 'tempo',
    route: 'POST /report',
    pay: (payer, fetch) => mppTempo(payer.privateKey, tempoChain, 'push', fetch),
  },
  {
    client: 'mppx',
    protocol: 'MPP evm',
    chain: 'evm',
    route: 'POST /report',
    pay: (payer, fetch) => mppEvm(payer.privateKey, evmChain, fetch),
  },
]

const PRICES = { 'GET /weather': 10_000n, 'POST /report': 250_000n }
const credentialFields = ['payment-signature', 'x-payment', 'authorization']

/** A paid request as it went over the wire, for sending it again. */
let lastPaid: Request | null = null
const recordingFetch: typeof globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  if (credentialFields.some((name) => request.headers.has(name))) lastPaid = request.clone()
  return fetch(request)
}

let failures = 0
try {
  progress('giving each payer 10 USD …')
  const payers = await Promise.all(
    scenarios.map(({ chain }) => (chain === 'evm' ? createEvmPayer(evmChain) : createTempoPayer(tempoChain))),
  )
  console.log()
  printHeading()
  for (const [at, payer] of payers.entries()) await run(scenarios[at] as Scenario, payer)
  console.log()
  await refuse('a replay of the last payment', (request) => request, 409)
  await refuse('the same with one character of the credential changed', tamper, 402)
} finally {
  if (!process.argv.includes('--serve') || failures > 0) await stop()
}

console.log()
console.log(
  failures === 0
    ? `${scenarios.length} payments by official clients, every balance moved by exactly the price; replay and tampering refused.`
    : `${failures} of the checks above failed.`,
)
process.exitCode = failures === 0 ? 0 : 1

if (process.argv.includes('--serve') && failures === 0) {
  console.log(`\nStill up; end with Ctrl+C. Try:
  curl -i ${url}/weather
  curl -si ${url}/weather | sed -n 's/^payment-required: //Ip' | tr -d '\\r' | base64 -d   # what x402 v2 clients read
  curl -i -X POST -H 'content-type: application/json' -d '{"topic":"bees"}' ${url}/report`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
}

/** Pays once, and checks that exactly the price moved. */
async function run({ client, protocol, chain: name, route, pay }: Scenario, payer: Payer): Promise<void> {
  const chain = chains[name]
  const price = PRICES[route]
  const [method = 'GET', path = '/'] = route.split(' ')
  const before = await balances()
  const started = performance.now()
  const response = await pay(payer, recordingFetch)(`${url}${path}`, {
    method,
    ...(method === 'POST' && { body: '{"topic":"bees"}', headers: { 'content-type': 'application/json' } }),
  })
  const elapsed = performance.now() - started
  const hash = transactionOf(response)
  const after = await balances()
  const receipt = hash === null ? null : await chain.reader.getTransactionReceipt({ hash })
  const isExact =
    response.status === 200 &&
    receipt !== null &&
    before.payer - after.payer === price &&
    after.seller - before.seller === price
  if (!isExact) failures++
  printRow([
    client,
    protocol,
    route,
    dollars(price),
    `${dollars(before.payer)} -> ${dollars(after.payer)}`,
    `${dollars(before.seller)} -> ${dollars(after.seller)}`,
    String(receipt?.blockNumber ?? '-'),
    elapsed.toFixed(0),
    isExact ? (hash ?? '') : `FAILED: status ${response.status} ${await response.text()}`,
  ])

  async function balances(): Promise<{ payer: bigint; seller: bigint }> {
    return { payer: await chain.balanceOf(payer.address), seller: await chain.balanceOf(seller) }
  }
}

/** The transaction that a receipt of any protocol names. */
function transactionOf({ headers }: Response): `0x${string}` | null {
  const x402 = headers.get('payment-response') ?? headers.get('x-payment-response')
  const mpp = headers.get('payment-receipt')
  const receipt = JSON.parse(
    Buffer.from(x402 ?? mpp ?? 'e30=', x402 === null ? 'base64url' : 'base64').toString(),
  )
  return receipt.transaction ?? receipt.reference ?? null
}

/** Sends the last paid request again, perhaps changed, and checks that it is refused and no money moves. */
async function refuse(what: string, change: (request: Request) => Request, expected: number): Promise<void> {
  if (lastPaid === null) throw new Error('nothing was paid')
  const before = await evmChain.balanceOf(seller)
  const response = await fetch(change(lastPaid.clone()))
  const problem = (await response.json()) as { code: string; title: string }
  const isRefused = response.status === expected && before === (await evmChain.balanceOf(seller))
  if (!isRefused) failures++
  console.log(
    `${isRefused ? 'refused' : 'NOT REFUSED'}: ${what}: ${response.status} ${problem.code} (${problem.title})`,
  )
}

function tamper(request: Request): Request {
  const headers = new Headers(request.headers)
  const name = credentialFields.find((field) => headers.has(field)) ?? ''
  const value = headers.get(name) ?? ''
  const middle = Math.floor(value.length / 2)
  headers.set(name, value.slice(0, middle) + (value[middle] === 'A' ? 'B' : 'A') + value.slice(middle + 1))
  return new Request(request, { headers })
}

async function stop(): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await coffer.close()
  await Promise.all([evmChain.stop(), tempoChain.stop()])
}
