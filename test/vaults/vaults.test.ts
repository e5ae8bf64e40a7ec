import { describe, expect, it } from 'vitest'
import { createId, systemRandom } from '../../src/lib/id.ts'
import { isRefusal } from '../../src/problems/refusal.ts'
import type { VaultDraft } from '../../src/vaults/new-vault.ts'
import { vaultIdOf } from '../../src/vaults/new-vault.ts'
import { createWorld, HOUR, NOW, refusedWith } from './world.ts'

const PAYMENT = 'pay_abcdefghijklmnopqrstuv'

function drafted(draft: VaultDraft | object): VaultDraft {
  expect(isRefusal(draft)).toBe(false)
  return draft as VaultDraft
}

describe('a vault', () => {
  it('is made for seven days by default, and says what it was made with', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create({ label: 'Report', metadata: { customer: 7, nul: '\0' } })
    expect(vault.id).toMatch(/^vlt_[\w-]{22}$/)
    expect(await vaults.get(vault.id)).toEqual({
      id: vault.id,
      status: 'active',
      label: 'Report',
      metadata: { customer: 7, nul: '\0' },
      summary: null,
      paymentId: null,
      previousVaultId: null,
      createdAt: NOW,
      expiresAt: NOW + 168 * HOUR,
      sealedAt: null,
      persistedAt: null,
      documents: 0,
      files: 0,
      events: 0,
      bytes: 0,
    })
    expect(await vault.info()).toEqual(await vaults.get(vault.id))
  })

  it('is the only one of its payment, whose id says its own', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create({ paymentId: PAYMENT })
    expect(vault.id).toBe(vaultIdOf(PAYMENT))
    expect((await vault.info()).paymentId).toBe(PAYMENT)
    await expect(vaults.create({ paymentId: PAYMENT })).rejects.toMatchObject(refusedWith('vault-exists'))
    const made = await Promise.allSettled(
      Array.from({ length: 20 }, () => vaults.create({ paymentId: 'pay_zzzzzzzzzzzzzzzzzzzzzz' })),
    )
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('can go on from another', async () => {
    const { vaults } = createWorld()
    const first = await vaults.create()
    const second = await vaults.create({ previousVaultId: first.id })
    expect((await second.info()).previousVaultId).toBe(first.id)
  })

  it.each<[object]>([
    [{ label: 'x'.repeat(501) }],
    [{ label: 'a\0b' }],
    [{ label: 7 }],
    [{ paymentId: 'pay_1' }],
    [{ paymentId: `${PAYMENT}/../x` }],
    [{ previousVaultId: '../x' }],
    [{ metadata: { text: 'x'.repeat(8182) } }],
    [{ metadata: [] }],
    [{ ttlHours: 0 }],
    [{ ttlHours: -1 }],
    [{ ttlHours: Number.NaN }],
    [{ ttlHours: Number.POSITIVE_INFINITY }],
    [{ lable: 'misspelt' }],
    [{ ttlHours: '24' }],
  ])('is not made of %o', async (options) => {
    const { vaults } = createWorld()
    await expect(vaults.create(options)).rejects.toMatchObject({ code: 'invalid-option' })
  })

  it('may be given no more time than the limits allow', async () => {
    const { vaults } = createWorld()
    await expect(vaults.create({ ttlHours: 169 })).rejects.toMatchObject(refusedWith('ttl-exceeds-plan'))
    await vaults.create({ ttlHours: 168 })
    const hobby = createWorld({ limits: { ttlHours: 24 } })
    expect((await (await hobby.vaults.create()).info()).expiresAt).toBe(NOW + 24 * HOUR)
    const enterprise = createWorld({ limits: { ttlHours: null } })
    expect((await (await enterprise.vaults.create()).info()).expiresAt).toBe(NOW + 168 * HOUR)
    await enterprise.vaults.create({ ttlHours: 10_000 })
  })

  it('that there is not is not found, whatever its id', async () => {
    const { vaults } = createWorld()
    for (const id of ['vlt_abcdefghijklmnopqrstuv', '', '..', `vlt_${'a'.repeat(600)}`, 'vlt_\0', '\ud800']) {
      expect(await vaults.get(id)).toBeNull()
      await expect(vaults.open(id).addDocument(1)).rejects.toMatchObject(refusedWith('vault-not-found'))
    }
  })
})

describe('a draft', () => {
  it('is a vault once somebody commits it, with whatever else is in that commit', async () => {
    const { vaults, store, rows } = createWorld()
    const { vault, writes } = drafted(vaults.draft({ paymentId: PAYMENT, session: 'hash' }))
    expect(await vaults.get(vault.id)).toBeNull()
    expect(await rows('')).toEqual([])
    await store.commit([{ key: 'payment/1', value: {}, if: 'absent' }, ...writes])
    expect(await vaults.get(vault.id)).toMatchObject({ id: vaultIdOf(PAYMENT), status: 'active' })
    expect(JSON.stringify(await vaults.get(vault.id))).not.toContain('hash')
  })

  it('of the same payment fails the commit', async () => {
    const { vaults, store } = createWorld()
    const first = drafted(vaults.draft({ paymentId: PAYMENT }))
    const second = drafted(vaults.draft({ paymentId: PAYMENT }))
    expect(await store.commit(first.writes)).not.toBeNull()
    expect(await store.commit([{ key: 'other', value: {} }, ...second.writes])).toBeNull()
    expect(await store.get('other')).toBeNull()
  })
})

describe('the number of active vaults', () => {
  it('is limited, also for those who come at once', async () => {
    const { vaults } = createWorld({ limits: { activeVaults: 3 } })
    const made = await Promise.allSettled(Array.from({ length: 20 }, () => vaults.create()))
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    for (const each of made) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject(refusedWith('vault-quota-exceeded'))
    }
    expect((await vaults.usage()).activeVaults).toBe(3)
  })

  it('goes down with a seal, a deletion and an expiry, without any worker', async () => {
    const { vaults, time } = createWorld({ limits: { activeVaults: 1 } })
    await (await vaults.create()).seal()
    await (await vaults.create()).delete()
    const last = await vaults.create({ ttlHours: 1 })
    await expect(vaults.create()).rejects.toMatchObject(refusedWith('vault-quota-exceeded'))
    time.now += HOUR
    await vaults.create()
    expect((await vaults.usage()).activeVaults).toBe(1)
    await expect(last.info()).rejects.toMatchObject(refusedWith('vault-expired'))
  })

  it('counts a place that is reserved for a draft, once', async () => {
    const { vaults, store, time } = createWorld({ limits: { activeVaults: 1 } })
    const id = vaultIdOf(PAYMENT)
    const place = await vaults.reserve(id, 60_000)
    if (isRefusal(place)) throw new Error('refused')
    const late = await vaults.reserve('vlt_other', 60_000)
    expect(await store.commit(place)).not.toBeNull()
    if (isRefusal(late)) throw new Error('refused')
    expect(await store.commit(late)).toBeNull()
    await expect(vaults.create()).rejects.toMatchObject(refusedWith('vault-quota-exceeded'))
    expect(isRefusal(await vaults.reserve('vlt_other', 60_000))).toBe(true)

    await store.commit(drafted(vaults.draft({ paymentId: PAYMENT })).writes)
    time.now += 60_000
    await expect(vaults.create()).rejects.toMatchObject(refusedWith('vault-quota-exceeded'))
    expect((await vaults.usage()).activeVaults).toBe(1)
  })

  it('is free again when a reserved place is not used', async () => {
    const { vaults, store, time } = createWorld({ limits: { activeVaults: 1 } })
    const place = await vaults.reserve(createId('vlt', systemRandom), 60_000)
    if (isRefusal(place)) throw new Error('refused')
    await store.commit(place)
    time.now += 60_000
    await vaults.create()
  })

  it('without a limit costs a reservation nothing', async () => {
    expect(await createWorld().vaults.reserve('vlt_x', 1000)).toEqual([])
  })
})

describe('the list of vaults', () => {
  it('has all that have not ended, page by page', async () => {
    const { vaults, time } = createWorld()
    const ids: string[] = []
    for (let n = 0; n < 25; n++) ids.push((await vaults.create({ ttlHours: n < 5 ? 1 : 48 })).id)
    time.now += HOUR
    const listed: string[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await vaults.list({ limit: 7, ...(cursor && { cursor }) })
      listed.push(...page.vaults.map(({ id }) => id))
      cursor = page.cursor
    }
    expect(listed).toEqual(ids.slice(5).sort())
  })

  it('refuses a limit and a cursor that are none', async () => {
    const { vaults } = createWorld()
    for (const page of [{ limit: 0 }, { limit: 501 }, { cursor: '../x' }, { offset: 1 } as object]) {
      await expect(vaults.list(page)).rejects.toMatchObject({ code: 'invalid-option' })
    }
  })
})
