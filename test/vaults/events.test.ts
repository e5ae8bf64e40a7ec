import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VaultEvent } from '../../src/vaults/vault-event.ts'
import { createWorld, HOUR, NOW, refusedWith } from './world.ts'

const ids = (events: readonly VaultEvent[]): number[] =>
  events.map(({ eventId }) => Number(eventId.slice(-12)))

async function listed(
  world: ReturnType<typeof createWorld>,
  vault: string,
  after?: string,
): Promise<readonly VaultEvent[]> {
  const events = await world.vaults.core.events.list(vault, { limit: 1000, ...(after && { after }) })
  if ('kind' in events) throw new Error(`refused: ${events.reason}`)
  return events
}

describe('an event', () => {
  it('has the envelope that readers know, and the next number', async () => {
    const world = createWorld()
    const vault = await world.vaults.create()
    const event = await vault.emit('agent.step', { step: 1 })
    expect(event).toEqual({
      type: 'agent.step',
      payload: { step: 1 },
      eventId: expect.stringMatching(/^evt_[\w-]{10}000000000001$/),
      vaultId: vault.id,
      timestamp: new Date(NOW).toISOString(),
    })
    const second = await vault.emit('agent.idle')
    expect(second).toMatchObject({ payload: null, eventId: expect.stringMatching(/2$/) })
    expect(second.eventId > event.eventId).toBe(true)
    expect(await listed(world, vault.id)).toEqual([event, second])
    expect((await vault.info()).events).toBe(2)
  })

  it('carries whatever JSON can, as one event', async () => {
    const world = createWorld()
    const vault = await world.vaults.create()
    for (const payload of ['a\nb', 'a\r\nb', '\r', '\0', '\n\nid: 9', '\u2028\u2029', 'data: x\n\n', '😀']) {
      const { eventId } = await vault.emit(payload, { payload })
      expect((await listed(world, vault.id)).at(-1)).toMatchObject({
        type: payload,
        payload: { payload },
        eventId,
      })
    }
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (payload) => {
        const event = await vault.emit('x', payload)
        expect(event.payload).toEqual(JSON.parse(JSON.stringify(payload)))
      }),
    )
  })

  it.each(['', 'x'.repeat(129), 'vault.sealed', 'vault.expiring', 'vault.expired', 7 as never])(
    'has no type %o',
    async (type) => {
      const vault = await createWorld().vaults.create()
      await expect(vault.emit(type)).rejects.toMatchObject({ code: 'invalid-option' })
    },
  )

  it('of 128 characters and of 40 kB is fine; one that no row could hold is refused', async () => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    await vault.emit('x'.repeat(128), 'é'.repeat(20_000))
    await expect(vault.emit('x', 'é'.repeat(30_000))).rejects.toMatchObject(refusedWith('body-too-large'))
    await expect(vault.emit('x', 'x'.repeat(10_000_000))).rejects.toMatchObject(refusedWith('body-too-large'))
    expect(await rows('vault-event/')).toHaveLength(1)
  })
})

describe('events of several writers', () => {
  it('in two processes have numbers without gaps or doubles', async () => {
    const one = createWorld()
    const other = createWorld({ beside: one })
    const vault = await one.vaults.create()
    const handles = [vault, other.vaults.open(vault.id)]
    const emitted = await Promise.all(
      Array.from({ length: 300 }, (_, n) => handles[n % 2]?.emit('n', n) ?? Promise.reject()),
    )
    const events = await listed(one, vault.id)
    expect(ids(events)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1))
    expect(new Set(emitted.map(({ eventId }) => eventId)).size).toBe(300)
    const byId = new Map(events.map((event) => [event.eventId, event]))
    for (const event of emitted) expect(byId.get(event.eventId)).toEqual(event)
  })

  it('a thousand at once in one process cost a commit each, not one for every pair', async () => {
    const world = createWorld()
    let commits = 0
    const counting = createWorld({
      store: {
        ...world.store,
        commit(writes) {
          commits++
          return world.store.commit(writes)
        },
      },
      beside: world,
    })
    const vault = await counting.vaults.create()
    await Promise.all(Array.from({ length: 1000 }, (_, n) => vault.emit('n', n)))
    expect(commits).toBe(1001)
  })
})

describe('a seal', () => {
  it('that races with writers comes after what was written, and refuses the rest', async () => {
    for (let round = 0; round < 50; round++) {
      const one = createWorld()
      const other = createWorld({ beside: one })
      const vault = await one.vaults.create()
      const there = other.vaults.open(vault.id)
      const writes = Array.from({ length: 10 }, (_, n) => (n % 2 ? there.emit('n', n) : vault.addDocument(n)))
      const sealed = (round % 2 ? there : vault).seal('Done')
      const more = Array.from({ length: 10 }, (_, n) => (n % 2 ? vault.emit('n', n) : there.addDocument(n)))
      const settled = await Promise.allSettled([...writes, ...more])
      await sealed
      const written = settled.filter(({ status }) => status === 'fulfilled').length
      for (const each of settled) {
        if (each.status === 'rejected') expect(each.reason).toMatchObject(refusedWith('vault-sealed'))
      }
      const events = await listed(one, vault.id)
      expect(events.at(-1)?.type).toBe('vault.sealed')
      expect(ids(events)).toEqual(events.map((_, n) => n + 1))
      const info = await vault.info()
      expect(events).toHaveLength(info.events)
      expect(written).toBe(info.documents + info.events - 1)
    }
  })
})

describe('a cursor', () => {
  it('goes on after an event of the vault, and is refused when it is not of one', async () => {
    const world = createWorld()
    const [vault, other] = [await world.vaults.create(), await world.vaults.create()]
    const own: string[] = []
    for (let n = 0; n < 5; n++) own.push((await vault.emit('n', n)).eventId)
    const foreign = (await other.emit('x')).eventId
    const [first = '', , third = '', , last = ''] = own
    expect(ids(await listed(world, vault.id, last))).toEqual([])
    expect(ids(await listed(world, vault.id, third))).toEqual([4, 5])
    expect(ids(await listed(world, vault.id, first))).toEqual([2, 3, 4, 5])
    const future = `${last.slice(0, -1)}6`
    const zero = `${last.slice(0, -1)}0`
    for (const after of [
      future,
      zero,
      foreign,
      'x'.repeat(10_000),
      'evt_',
      '1',
      `${last} `,
      `${last}\n`,
      '\0',
    ]) {
      const options = { after }
      expect(await world.vaults.core.events.list(vault.id, options)).toMatchObject({ reason: 'bad-request' })
      expect(await world.vaults.core.readers.open(vault.id, after)).toMatchObject({ reason: 'bad-request' })
      await expect(vault.events(options).next()).rejects.toMatchObject(refusedWith('bad-request'))
    }
  })

  it('of a vault that is gone says that it is gone', async () => {
    const world = createWorld()
    const vault = await world.vaults.create({ ttlHours: 1 })
    const after = (await vault.emit('x')).eventId
    world.time.now += HOUR
    await expect(vault.events({ after }).next()).rejects.toMatchObject(refusedWith('vault-expired'))
    await expect(world.vaults.open('vlt_x').events().next()).rejects.toMatchObject(
      refusedWith('vault-not-found'),
    )
  })
})
