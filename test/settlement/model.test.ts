import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isExpiredCredit } from '../../src/payments/payment.ts'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { isResolved, lateFaultsOf, readBook } from './book.ts'
import { commands } from './commands.ts'
import { CREDIT_MS } from './limits.ts'
import { createWorld, type World } from './world.ts'

/** Of a payment by a handler, of a job by a worker: when it is over, whoever died has lost its hold. */
const LONGEST_LEASE_MS = 120_000
const TEN_MINUTES = 600_000

/** A fair day: everything on its way arrives, every job runs, until nothing is in doubt. */
async function comeToRest(world: World): Promise<void> {
  Object.assign(world.chain, { weather: 'fair', isReadable: true })
  world.wake()
  await world.drain()
  world.chain.land()
  for (let round = 0; round < 30; round++) {
    world.advance(round === 0 ? LONGEST_LEASE_MS : TEN_MINUTES)
    await world.tick(round % 2)
    await world.drain()
    await world.witness.check()
    const book = await readBook(world.store)
    expect(lateFaultsOf(book, world.clock())).toEqual([])
    if (book.payments.every(isResolved) && book.promises.size + book.watched.size === 0) return
  }
  throw new Error('the outbox does not come to rest')
}

/** Every payer sends every request once more: what is owed is delivered. */
async function comeBack(world: World): Promise<void> {
  for (const asking of world.asked()) {
    await world.ask(0, { ...asking, ending: 'answer' })
    await world.drain()
    await world.witness.check()
  }
  for (const payment of (await readBook(world.store)).payments.filter(({ state }) => state === 'settled')) {
    const isOver = isExpiredCredit(payment, world.clock(), CREDIT_MS)
    expect([payment.id, payment.delivery]).toEqual([payment.id, isOver ? 'owed' : 'delivered'])
  }
}

it.each([
  ['memory', 4000, (clock: () => number) => memory({ clock })],
  ['SQLite', 600, (clock: () => number) => sqlite(':memory:', { clock })],
] as const)(
  'money moves once, and what it bought is never lost: on %s',
  async (_name, numRuns, open) => {
    await fc.assert(
      fc.asyncProperty(commands, async (commands) => {
        const world = createWorld(open)
        await fc.asyncModelRun(() => ({ model: {}, real: world }), commands)
        await comeToRest(world)
        await comeBack(world)
        await world.store.close()
      }),
      { numRuns },
    )
  },
  120_000,
)
