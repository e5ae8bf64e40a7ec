/**
 * The whole of Coffer on one machine: two local chains, a paid API, and the official clients of both protocols paying
 * it. `npm run demo`; `npm run demo -- --serve` stays up afterwards.
 */
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import {
  type Chains,
  type ClientKind,
  clientKinds,
  createPayerFor,
  startChains,
  stopChains,
} from '../../test/clients/kinds.ts'
import type { Payer } from '../../test/clients/payers.ts'
import { receiptOf } from '../../test/clients/receipts.ts'
import { createWire, type Sent, send } from '../../test/clients/wire.ts'
import { startSeller } from './server.ts'
import { dollars, printHeading, printRow } from './table.ts'

const progress = (text: string): void => console.log(`· ${text}`)

progress('starting an EVM chain (Base Sepolia with a USDC of our own) and a Tempo chain …')
const chains = await startChains()
const { evm, tempo } = chains
progress(`chains are up: ${evm.url} and ${tempo.url}`)

const [settler] = evm.accounts
if (!settler) throw new Error('the chain has no accounts')
const seller = privateKeyToAddress(generatePrivateKey()).toLowerCase() as `0x${string}`
const { url, coffer, server } = await startSeller({
  evmRpc: evm.url,
  tempoRpc: tempo.url,
  settlerKey: settler.privateKey,
  payTo: seller,
})
progress(`the paid API is up: ${url}`)

const routes = {
  weather: { method: 'GET', path: '/weather', price: 10_000n },
  report: { method: 'POST', path: '/report', price: 250_000n },
}

/** Remembers the last paid request, for sending it again. */
const wire = createWire()

let failures = 0
try {
  progress('giving each payer 10 USD …')
  const buyers = await Promise.all(
    clientKinds.map(async (kind) => ({ kind, payer: await createPayerFor(kind, chains) })),
  )
  console.log()
  printHeading()
  for (const { kind, payer } of buyers) await run(kind, payer)
  console.log()
  await refuse('a replay of the last payment', () => ({}), 409)
  await refuse('the same with one character of the credential changed', tamper, 402)
} finally {
  if (!process.argv.includes('--serve') || failures > 0) await stop()
}

console.log()
console.log(
  failures === 0
    ? `${clientKinds.length} payments by official clients, every balance moved by exactly the price; replay and tampering refused.`
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
async function run(kind: ClientKind, payer: Payer): Promise<void> {
  const chain = chains[kind.chain]
  const { method, path, price } = kind.name.startsWith('x402') ? routes.weather : routes.report
  const pay = kind.connect(payer, chains, wire.fetch)
  const before = await balances()
  const started = performance.now()
  const response = await pay(url + path, {
    method,
    ...(method === 'POST' && { body: '{"topic":"bees"}', headers: { 'content-type': 'application/json' } }),
  })
  const elapsed = performance.now() - started
  const hash = receiptOf(response)
  const after = await balances()
  const block = hash === null ? null : await blockOf(chain, hash)
  const isExact =
    response.status === 200 &&
    block !== null &&
    before.payer - after.payer === price &&
    after.seller - before.seller === price
  if (!isExact) failures++
  printRow([
    kind.name,
    `${method} ${path}`,
    dollars(price),
    `${dollars(before.payer)} -> ${dollars(after.payer)}`,
    `${dollars(before.seller)} -> ${dollars(after.seller)}`,
    String(block ?? '-'),
    elapsed.toFixed(0),
    isExact ? (hash ?? '') : `FAILED: status ${response.status} ${await response.text()}`,
  ])

  async function balances(): Promise<{ payer: bigint; seller: bigint }> {
    return { payer: await chain.balanceOf(payer.address), seller: await chain.balanceOf(seller) }
  }
}

/** The block that a transaction is in; `null` when it is in none. */
async function blockOf(chain: Chains[keyof Chains], hash: string): Promise<number | null> {
  const receipt = await chain.request<{ blockNumber: string } | null>('eth_getTransactionReceipt', [hash])
  return receipt && Number(receipt.blockNumber)
}

/** Sends the last paid request again, perhaps changed, and checks that it is refused and no money moves. */
async function refuse(what: string, change: (sent: Sent) => Partial<Sent>, expected: number): Promise<void> {
  const before = await evm.balanceOf(seller)
  const response = await send(wire.paid(), change(wire.paid()))
  const problem = (await response.json()) as { code: string; title: string }
  const isRefused = response.status === expected && before === (await evm.balanceOf(seller))
  if (!isRefused) failures++
  console.log(
    `${isRefused ? 'refused' : 'NOT REFUSED'}: ${what}: ${response.status} ${problem.code} (${problem.title})`,
  )
}

/** Changes one character in the middle of the credential. */
function tamper({ headers }: Sent): Partial<Sent> {
  const name = clientKinds.map(({ credential }) => credential).find((field) => field in headers) ?? ''
  const value = headers[name] ?? ''
  const middle = Math.floor(value.length / 2)
  const changed = value.slice(0, middle) + (value[middle] === 'A' ? 'B' : 'A') + value.slice(middle + 1)
  return { headers: { ...headers, [name]: changed } }
}

async function stop(): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await coffer.close()
  await stopChains(chains)
}
