import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { readBook } from './book.ts'
import { LEASE_MS, RESULT_MS } from './limits.ts'
import { type Asking, createWorld, type World } from './world.ts'

/** What the model found: the shortest ways to it. */

let world: World
beforeEach(() => {
  world = createWorld((clock) => memory({ clock }))
})
afterEach(() => world.witness.check())

const asking = (credential: string, more: Partial<Asking> = {}): Asking => ({
  credential,
  path: '/before',
  key: null,
  ending: 'answer',
  ...more,
})

async function ask(credential: string, more?: Partial<Asking>): Promise<string | undefined> {
  await world.ask(0, asking(credential, more))
  await world.drain()
  return world.witness.answers.at(-1)
}

describe('a payment in doubt', () => {
  it('says so in the book when nobody works on it any more', async () => {
    expect(await ask('ann-1', { path: '/after', ending: 'refuse' })).toBe('ann-1 422')
    world.advance(LEASE_MS)
    await world.tick(0)
    await world.drain()
    expect((await readBook(world.store)).payments).toMatchObject([{ state: 'unknown', leaseUntil: null }])
  })

  it('may come into doubt at the very millisecond at which somebody was to look at it', async () => {
    world.chain.weather = 'lost'
    await world.ask(0, asking('ann-1'))
    await world.step(0, 2)
    world.advance(LEASE_MS - 2000)
    await world.drain()
    expect(world.witness.answers).toEqual(['ann-1 503'])
    const { promises } = await readBook(world.store)
    expect([...promises.values()].flat()).toHaveLength(1)
  })

  it('stays in doubt when it is refused while an earlier attempt is still on its way', async () => {
    world.chain.weather = 'late'
    expect(await ask('ann-1')).toBe('ann-1 503')
    world.chain.weather = 'poor'
    expect(await ask('ann-1')).toBe('ann-1 503')
    world.chain.land()
    expect(await ask('ann-1')).toBe('ann-1 200')
    expect(world.chain.moved()).toEqual(['ann-1'])
  })
})

describe('an idempotency key', () => {
  it('that expired and was used again is not freed by the payment that had it first', async () => {
    world.chain.weather = 'never'
    expect(await ask('ann-1', { key: 'key' })).toBe('ann-1 503')
    world.advance(RESULT_MS)
    world.chain.weather = 'fair'
    expect(await ask('ann-2', { key: 'key', ending: 'fail' })).toBe('ann-2 500')
    world.chain.weather = 'cancelled'
    expect(await ask('ann-1', { key: 'key' })).toBe('ann-1 402')
    world.chain.weather = 'fair'
    expect(await ask('ann-3', { key: 'key' })).toBe('ann-3 200')
    expect(world.chain.moved()).toEqual(['ann-2'])
  })

  /** Two payers' requests meet in one key, whose payment fails after the second has found it in the way. */
  async function failInBetween(credential: string, steps: number): Promise<void> {
    world.chain.weather = 'cancelled'
    await world.ask(0, asking('ann-3', { key: 'key' }))
    await world.step(0, 2)
    world.stall(0)
    await world.ask(0, asking(credential, { key: 'key' }))
    await world.step(0, steps)
    world.stall(0)
    world.wake()
    // The settlement first, with all that follows from it.
    await world.step(0, 1)
    for (let followed = 0; followed < 2; followed++) await world.step(1, 1)
    expect(world.witness.answers.at(-1)).toBe('ann-3 402')
    world.chain.weather = 'fair'
    await world.drain()
  }

  it('whose payment fails says nothing about the credential that it was sent with', async () => {
    expect(await ask('ann-1')).toBe('ann-1 200')
    await failInBetween('ann-1~', 4)
    expect(world.witness.answers.at(-1)).toBe('ann-1~ 409')
  })

  it('whose payment turns out to have failed does not fail the next credential', async () => {
    world.chain.weather = 'never'
    expect(await ask('ann-1', { key: 'key' })).toBe('ann-1 503')
    world.chain.sign('ann-1').isCancelled = true
    world.chain.weather = 'fair'
    expect(await ask('ann-2', { key: 'key' })).toBe('ann-2 200')
    expect(await ask('ann-1', { key: 'key' })).toBe('ann-1 402')
    expect(world.chain.moved()).toEqual(['ann-2'])
  })

  it('that was in the way does not make a credential spent', async () => {
    await failInBetween('ann-2', 2)
    expect(world.witness.answers.at(-1)).toBe('ann-2 200')
  })
})

it('no order of calls gives more on credit than there is', async () => {
  const picks = fc.array(fc.nat({ max: 5 }), { minLength: 12, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(picks, async (picks) => {
      world = createWorld((clock) => memory({ clock }))
      for (const credential of ['ann-1', 'ann-2', 'bob-1']) {
        await world.ask(0, asking(credential, { path: '/background', ending: 'hang' }))
      }
      for (const pick of picks) await world.step(pick, 1)
      await world.witness.check()
    }),
    { numRuns: 300 },
  )
})
