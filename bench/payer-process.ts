/**
 * A process that pays with the official clients: `node payer-process.ts <PayerSetup as JSON>`. Asked for a {@link Shopping}, it
 * answers with what came of it.
 */

import { setTimeout } from 'node:timers/promises'
import type { EvmEndpoint, TempoEndpoint } from '../test/clients/official.ts'
import { mppEvm, mppTempo, type PayingFetch, x402V2 } from '../test/clients/official.ts'
import type { Payer } from '../test/clients/payers.ts'
import { receiptOf } from '../test/clients/receipts.ts'
import { answerParent } from './process.ts'
import { REPORT } from './shops/goods.ts'

/** Who pays, and where. */
export interface PayerSetup {
  readonly evm: EvmEndpoint
  readonly tempo: TempoEndpoint
  /** As many as pay at once at most. */
  readonly evmPayers: readonly Payer[]
  readonly tempoPayers: readonly Payer[]
}

/** An official client, as agents have it. */
export type Client = 'x402' | 'tempo-pull' | 'tempo-push' | 'evm'

/** Payments for reports: each payer makes one after the other. */
export interface Shopping {
  readonly url: string
  readonly client: Client
  readonly atOnce: number
  /** Of all payers together. */
  readonly payments: number
}

/** What came of it. */
export interface Shopped {
  readonly seconds: number
  /** How many answers were the report, with a receipt. */
  readonly served: number
  /** What the others were. */
  readonly failures: readonly string[]
}

/** Nobody waits longer for an answer, nor for a client that waits for its chain. */
const PATIENCE_MS = 30_000

const setup: PayerSetup = JSON.parse(process.argv[2] ?? '')
const connect: Readonly<Record<Client, (payer: Payer) => PayingFetch>> = {
  x402: ({ privateKey }) => x402V2(privateKey, setup.evm.chainId),
  evm: ({ privateKey }) => mppEvm(privateKey, setup.evm),
  'tempo-pull': ({ privateKey }) => mppTempo(privateKey, setup.tempo, 'pull'),
  'tempo-push': ({ privateKey }) => mppTempo(privateKey, setup.tempo, 'push'),
}
const wallets = new Map<string, PayingFetch>()

answerParent(null, async ({ url, client, atOnce, payments }: Shopping): Promise<Shopped> => {
  const payers = client.startsWith('tempo') ? setup.tempoPayers : setup.evmPayers
  const failures: string[] = []
  let served = 0
  const begin = performance.now()
  await Promise.all(
    payers.slice(0, atOnce).map(async (payer, at) => {
      const pay = walletOf(client, payer)
      for (let made = at; made < payments; made += atOnce) {
        const failure = await Promise.race([buy(pay, url), patience()]).catch((error: unknown) =>
          String(error),
        )
        if (failure === null) served++
        else failures.push(failure)
      }
    }),
  )
  return { seconds: (performance.now() - begin) / 1000, served, failures }
})

/** Buys the report once; why that failed, or `null`. */
async function buy(pay: PayingFetch, url: string): Promise<string | null> {
  const answer = await pay(url)
  const text = await answer.text()
  if (answer.status !== 200) return `${answer.status} ${text.slice(0, 200)}`
  if (text !== JSON.stringify(REPORT)) return '200 with something else'
  return receiptOf(answer) === null ? '200 without a receipt' : null
}

async function patience(): Promise<never> {
  await setTimeout(PATIENCE_MS, null, { ref: false })
  throw new Error(`nothing within ${PATIENCE_MS} ms`)
}

/** Clients keep what they have learned of a server, so each is made once. */
function walletOf(client: Client, payer: Payer): PayingFetch {
  const name = `${client} ${payer.address}`
  const wallet = wallets.get(name) ?? connect[client](payer)
  wallets.set(name, wallet)
  return wallet
}
