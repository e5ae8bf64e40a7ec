import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { bytesOf, createWorld, DAY, HOUR, NOW, refusedWith, type World } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-lifecycle-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What was announced by commits that held. */
async function told({ rows }: World): Promise<unknown[]> {
  return (await rows('announced/')).map(({ value }) => value)
}

describe('seal and persist', () => {
  it.each([
    ['persist first', ['persist', 'seal']],
    ['seal first', ['seal', 'persist']],
  ] as const)('%s: both hold', async (_, order) => {
    const world = createWorld()
    const vault = await world.vaults.create()
    await vault.addDocument({ n: 1 })
    const statuses: string[] = []
    for (const step of order) statuses.push((await vault[step]()).status)
    expect(statuses).toEqual(order[0] === 'seal' ? ['sealed', 'persisted'] : ['persisted', 'persisted'])
    const manifest = await vault.getManifest()
    expect(manifest).toMatchObject({ status: 'persisted', sealedAt: NOW, persistedAt: NOW, expiresAt: null })
    for (const write of [
      vault.addDocument(1),
      vault.emit('x'),
      vault.addFile({ body: bytesOf(1) }),
      vault.seal(),
    ]) {
      await expect(write).rejects.toMatchObject(refusedWith('vault-sealed'))
    }
    await expect(vault.persist()).rejects.toMatchObject(refusedWith('vault-already-persisted'))
    await expect(vault.extend(1)).rejects.toMatchObject(refusedWith('vault-already-persisted'))
    world.time.now += 1000 * DAY
    await world.work()
    expect((await vault.getManifest()).documents).toHaveLength(1)
    expect(await world.rows('due/')).toEqual([])
    expect(await told(world)).toEqual([
      { type: 'vault.sealed', vaultId: vault.id, summary: null, sealedAt: NOW },
    ])
  })

  it('a sealed vault says why, and still expires', async () => {
    const world = createWorld()
    const vault = await world.vaults.create({ ttlHours: 2 })
    expect(await vault.seal('All done')).toMatchObject({ status: 'sealed', summary: 'All done', events: 1 })
    expect(await vault.getManifest()).toMatchObject({ status: 'sealed', summary: 'All done', sealedAt: NOW })
    world.time.now += HOUR
    await world.work()
    expect((await vault.info()).events).toBe(1)
    world.time.now += HOUR
    await world.work()
    await expect(vault.getManifest()).rejects.toMatchObject(refusedWith('vault-expired'))
    expect(new Set((await told(world)).map((event) => (event as { type: string }).type))).toEqual(
      new Set(['vault.sealed', 'vault.expiring', 'vault.expired']),
    )
  })

  it('twenty seals at once are one', async () => {
    const one = createWorld()
    const other = createWorld({ beside: one })
    const vault = await one.vaults.create()
    const there = other.vaults.open(vault.id)
    const sealed = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? vault : there).seal(String(n))),
    )
    expect(sealed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await vault.info()).events).toBe(1)
    expect(await told(one)).toHaveLength(1)
  })

  it('persisted vaults are limited, also for those who come at once', async () => {
    const { vaults } = createWorld({ limits: { persistedVaults: 2, activeVaults: 10 } })
    const all = await Promise.all(Array.from({ length: 10 }, () => vaults.create()))
    const persisted = await Promise.allSettled(all.map((vault) => vault.persist()))
    expect(persisted.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    for (const each of persisted) {
      if (each.status === 'rejected') {
        expect(each.reason).toMatchObject(refusedWith('persisted-vault-quota-exceeded'))
      }
    }
    expect(await vaults.usage()).toMatchObject({ persistedVaults: 2, activeVaults: 8 })
    for (const vault of all) await vault.delete()
    expect(await vaults.usage()).toMatchObject({ persistedVaults: 0, activeVaults: 0 })
  })

  it('a summary has its bounds', async () => {
    const vault = await createWorld().vaults.create()
    for (const summary of ['x'.repeat(4001), 'a\0', 7 as never]) {
      await expect(vault.seal(summary)).rejects.toMatchObject({ code: 'invalid-option' })
    }
    await vault.seal('名'.repeat(4000))
  })
})

describe('the time of a vault', () => {
  it('is counted from its creation, and an extension from now', async () => {
    const world = createWorld()
    const vault = await world.vaults.create({ ttlHours: 2 })
    world.time.now += HOUR
    expect((await vault.extend(3)).expiresAt).toBe(NOW + 4 * HOUR)
    world.time.now = NOW + 4 * HOUR - 1
    expect((await vault.info()).status).toBe('active')
    world.time.now++
    await expect(vault.info()).rejects.toMatchObject(refusedWith('vault-expired'))
    await expect(vault.extend(3)).rejects.toMatchObject(refusedWith('vault-expired'))
    await expect(vault.persist()).rejects.toMatchObject(refusedWith('vault-expired'))
  })

  it('is limited for extensions too', async () => {
    const vault = await createWorld({ limits: { ttlHours: 24 } }).vaults.create()
    await expect(vault.extend(25)).rejects.toMatchObject(refusedWith('ttl-exceeds-plan'))
    for (const hours of [0, -1, Number.NaN, '24' as never]) {
      await expect(vault.extend(hours)).rejects.toMatchObject({ code: 'invalid-option' })
    }
    await vault.extend(24)
  })

  it('is told of once, an hour before it is over; once more when it was extended', async () => {
    const world = createWorld()
    const vault = await world.vaults.create({ ttlHours: 3 })
    await world.work()
    world.time.now += 2 * HOUR
    await world.work()
    expect((await vault.info()).events).toBe(1)
    await vault.extend(3)
    await world.work()
    world.time.now += HOUR
    await world.work()
    expect((await vault.info()).events).toBe(1)
    world.time.now += HOUR
    await world.work()
    const events = await world.vaults.core.events.list(vault.id, {})
    expect(events).toMatchObject([
      { type: 'vault.expiring', payload: { vaultId: vault.id, expiresAt: NOW + 3 * HOUR } },
      { type: 'vault.expiring', payload: { vaultId: vault.id, expiresAt: NOW + 5 * HOUR } },
    ])
    expect(await told(world)).toHaveLength(2)
  })

  it('that is shorter than an hour is told of only when it is over', async () => {
    const world = createWorld()
    await world.vaults.create({ ttlHours: 0.5 })
    world.time.now += HOUR
    await world.work()
    expect(await told(world)).toMatchObject([{ type: 'vault.expired', expiredAt: NOW + HOUR / 2 }])
  })

  it('is told of once, though the worker dies between telling and ending its job', async () => {
    const world = createWorld()
    let deaths = 0
    const dying = createWorld({
      beside: world,
      store: {
        ...world.store,
        async commit(writes) {
          const isEnd = writes.some(({ key, value }) => key.startsWith('due/') && value === null)
          if (isEnd && writes.length === 1 && deaths++ < 2) throw new Error('killed')
          return world.store.commit(writes)
        },
      },
    })
    const vault = await world.vaults.create({ ttlHours: 2 })
    await vault.addDocument('x'.repeat(100_000))
    for (let hours = 0; hours < 6; hours++) {
      world.time.now += HOUR
      await dying.work().catch(() => {})
    }
    expect(deaths).toBeGreaterThanOrEqual(2)
    expect(await told(world)).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ type: 'vault.expiring' }),
        expect.objectContaining({ type: 'vault.expired' }),
      ]),
    )
    expect(await told(world)).toHaveLength(2)
  })
})

describe('a vault whose time is over', () => {
  async function full(world: World) {
    const vault = await world.vaults.create({ ttlHours: 2, label: 'secret label', metadata: { secret: 1 } })
    for (let n = 0; n < 120; n++) await vault.addDocument({ secret: n }, `secret ${n}`)
    for (let n = 0; n < 3; n++) await vault.addDocument('secret'.repeat(20_000))
    for (let n = 0; n < 60; n++) await vault.addFile({ name: 'secret', body: bytesOf(100) })
    for (let n = 0; n < 120; n++) await vault.emit('secret', n)
    await vault.issueAccessToken({ ttlSeconds: 86_400 })
    return vault
  }

  it('is purged of all that it held, and remembered for a while', async () => {
    const root = join(folder, 'purged')
    const world = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: 10_000_000 } })
    const vault = await full(world)
    expect(readdirSync(root)).toHaveLength(63)
    world.time.now += 2 * HOUR
    await world.work()
    expect(readdirSync(root)).toEqual([])
    expect((await world.vaults.usage()).storageBytes).toBe(0)
    expect(await world.rows('vault-event/')).toHaveLength(121)
    world.time.now += 60_000
    await world.work()
    const left = await world.rows('')
    expect(left.map(({ key }) => key.split('/')[0])).toEqual(['announced', 'vault-bytes', 'vault'])
    expect(JSON.stringify(left)).not.toContain('secret')
    await expect(vault.info()).rejects.toMatchObject(refusedWith('vault-expired'))
    expect(await world.vaults.get(vault.id)).toBeNull()

    world.time.now += 30 * DAY
    await expect(vault.info()).rejects.toMatchObject(refusedWith('vault-not-found'))
    expect((await world.rows('vault')).map(({ key }) => key)).toEqual(['vault-bytes'])
  })

  it('is purged in bounded steps, which a crash only delays', async () => {
    const root = join(folder, 'crashes')
    const world = createWorld({ blobs: fsBlobs(root) })
    const vault = await full(world)
    let commits = 0
    let largest = 0
    const dying = createWorld({
      beside: world,
      store: {
        ...world.store,
        async commit(writes) {
          largest = Math.max(largest, writes.length)
          // In no rhythm that could fit the commits of one run.
          if ((++commits * 7919) % 13 < 4) throw new Error('killed')
          return world.store.commit(writes)
        },
      },
    })
    world.time.now += 2 * HOUR
    for (let n = 0; n < 50; n++) {
      await dying.work().catch(() => {})
      world.time.now += HOUR
    }
    expect(readdirSync(root)).toEqual([])
    expect((await world.rows('')).map(({ key }) => key.split('/')[0])).toEqual(['announced', 'vault'])
    expect(largest).toBeLessThanOrEqual(60)
    await expect(vault.info()).rejects.toMatchObject(refusedWith('vault-expired'))
  })

  it('is purged by steps that end a run, however much it held', async () => {
    const world = createWorld()
    const vault = await world.vaults.create({ ttlHours: 2 })
    for (let n = 0; n < 1200; n++) await vault.addDocument(n)
    world.time.now += 2 * HOUR
    expect(await world.worker.tick()).toBe(2)
    expect(await world.rows('vault-document/')).toHaveLength(200)
    expect(await world.worker.tick()).toBe(1)
    expect(await world.rows('vault-document/')).toHaveLength(0)
  })
})

describe('a vault that is deleted', () => {
  it.each(['active', 'sealed', 'persisted'])(
    'is gone at once, though it was %s, and is purged',
    async (state) => {
      const root = join(folder, `deleted-${state}`)
      const world = createWorld({ blobs: fsBlobs(root) })
      const vault = await world.vaults.create({ paymentId: 'pay_abcdefghijklmnopqrstuv' })
      await vault.addDocument('x'.repeat(100_000))
      await vault.addFile({ body: bytesOf(100) })
      await vault.emit('x')
      if (state === 'sealed') await vault.seal()
      if (state === 'persisted') await vault.persist()
      await vault.delete()
      for (const call of [vault.info(), vault.getManifest(), vault.delete(), vault.addDocument(1)]) {
        await expect(call).rejects.toMatchObject(refusedWith('vault-not-found'))
      }
      await world.work()
      expect(readdirSync(root)).toEqual([])
      expect((await world.rows('vault')).map(({ key }) => key)).toEqual([`vault/${vault.id}`])
      expect(await world.rows('due/')).toEqual([])
      await expect(world.vaults.create({ paymentId: 'pay_abcdefghijklmnopqrstuv' })).rejects.toMatchObject(
        refusedWith('vault-exists'),
      )
      expect(
        (await told(world)).filter((event) => (event as { type: string }).type !== 'vault.sealed'),
      ).toEqual([])
    },
  )
})
