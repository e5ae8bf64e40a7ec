import { type Chains, startChains, stopChains } from '../test/clients/kinds.ts'
import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import type { Shopped, Shopping } from './payer-process.ts'
import { PATHS, type PaymentPath } from './payment-paths.ts'
import { formatPayments } from './payment-report.ts'
import { openProcesses, type Process } from './process.ts'
import { spreadOf } from './spread.ts'
import { fundPayers, openStalls, type Stall } from './stalls.ts'
import { takeTurns } from './turns.ts'

/** How a shop did. */
export interface PaymentResult {
  readonly path: PaymentPath
  readonly name: string
  readonly isOurs: boolean
  /** Payments a second of each round, by how many were made at once. */
  readonly rates: readonly (readonly number[])[]
  /** Milliseconds of the server's processor for one payment, over all. */
  readonly cpu: number
  readonly payments: number
  /** Payments that did not end with the report and a receipt. */
  readonly failed: number
  /** Payments that the seller has and nobody was served for, or the other way round. */
  readonly unserved: number
}

/** How much is paid. */
export interface PaymentEffort {
  readonly rounds: number
  /** Payments of a round, by how many are made at once. */
  readonly payments: Readonly<Record<number, number>>
}

const EFFORTS: Readonly<Record<Pace, PaymentEffort>> = {
  full: { rounds: 5, payments: { 1: 8, 16: 32, 64: 128 } },
  quick: { rounds: 2, payments: { 1: 3, 16: 16 } },
  once: { rounds: 1, payments: { 2: 2 } },
}

/** Base units of one payment. */
const PRICE = 10_000n

/** Payments from the 402 to the answer, on local chains. */
export const payments: Group = {
  name: 'payments',
  async run(pace) {
    const effort = EFFORTS[pace]
    const results = await measurePayments(effort)
    return {
      text: formatPayments(results, effort),
      goals: PATHS.flatMap((path) => goalsOf(path, results, effort)),
    }
  },
}

/** Ours is to be ahead however many pay at once, and to fail nobody. */
export function goalsOf(
  path: PaymentPath,
  results: readonly PaymentResult[],
  { payments }: PaymentEffort,
): Goal[] {
  const [ours, peer] = [true, false].map((isOurs) =>
    results.find((result) => result.path === path && result.isOurs === isOurs),
  )
  const ahead = Object.keys(payments).map((atOnce, at) => ({
    name: `payments: ${path.title}, ${atOnce} at once`,
    // Of the same round: what slows the machine slows both.
    got: spreadOf(
      (ours?.rates[at] ?? []).map((rate, round) => rate / (peer?.rates[at]?.[round] ?? Number.NaN)),
    ).median,
    least: 1,
    unit: ` x ${path.peer.name}`,
    isPortable: true,
  }))
  const failed = (ours?.failed ?? Number.NaN) + (ours?.unserved ?? Number.NaN)
  return [
    ...ahead,
    { name: `payments: ${path.title}`, got: failed, most: 0, unit: ' failed', isPortable: true },
  ]
}

/** Has everybody paid on every path, and looks at what the sellers have after each run. */
export async function measurePayments({ rounds, payments }: PaymentEffort): Promise<PaymentResult[]> {
  const processes = openProcesses()
  const chains = await startChains()
  try {
    const levels = Object.keys(payments).map(Number)
    const payers = await fundPayers(chains, Math.max(...levels))
    const payer = await processes.start('payer-process.ts', JSON.stringify(payers))
    const books = (await openStalls(PATHS, chains, processes)).map((stall) => openBook(stall, levels))
    // The first payments load what all need.
    for (const book of books) await shop(book, { atOnce: 1, payments: 2 }, payer, chains)
    for (const [at, atOnce] of levels.entries()) {
      console.error(`· ${atOnce} at once`)
      await takeTurns(books, rounds, async (book) => {
        book.rates[at]?.push(await shop(book, { atOnce, payments: payments[atOnce] ?? 0 }, payer, chains))
      })
    }
    return books.map(resultOf)
  } finally {
    processes.stop()
    await stopChains(chains)
  }
}

/** What is written down of a stall. */
interface Book {
  readonly stall: Stall
  /** Payments a second of each round, by how many were made at once. */
  readonly rates: readonly number[][]
  cpu: number
  payments: number
  failed: number
  unserved: number
}

const openBook = (stall: Stall, levels: readonly number[]): Book => ({
  stall,
  rates: levels.map(() => []),
  cpu: 0,
  payments: 0,
  failed: 0,
  unserved: 0,
})

/** Has reports bought, and books what came of it. Returns how many were served in a second. */
async function shop(
  book: Book,
  how: Pick<Shopping, 'atOnce' | 'payments'>,
  payer: Process,
  chains: Chains,
): Promise<number> {
  const { path, name, shop, seller } = book.stall
  const balance = (): Promise<bigint> => chains[path.takes === 'tempo' ? 'tempo' : 'evm'].balanceOf(seller)
  const [before, used] = [await balance(), await shop.ask<number>('cpu')]
  const order: Shopping = { url: `${shop.ready.url}/report`, client: path.client, ...how }
  const { seconds, served, failures } = await payer.ask<Shopped>(order)
  if (failures[0]) console.error(`  ${path.title}, ${name}: ${failures.length} failed: ${failures[0]}`)
  const earned = Number(((await balance()) - before) / PRICE)
  book.cpu += (await shop.ask<number>('cpu')) - used
  book.payments += how.payments
  book.failed += failures.length
  book.unserved += Math.abs(earned - served)
  return served / seconds
}

function resultOf({ stall, rates, cpu, payments, failed, unserved }: Book): PaymentResult {
  const { path, name, isOurs } = stall
  return { path, name, isOurs, rates, cpu: cpu / 1000 / payments, payments, failed, unserved }
}
