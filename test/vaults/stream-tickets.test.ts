import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { createWorld, NOW, SECRET } from './world.ts'

/** A vault, an access token of it, and what that lets its holder do. */
async function createHolder(ttlSeconds = 3600) {
  const world = createWorld()
  const vault = await world.vaults.create()
  const { token, id } = await vault.issueAccessToken({ ttlSeconds })
  const grant = await world.vaults.core.tokens.find(vault.id, id)
  if (grant === null) throw new Error('the token is over')
  return { ...world, vault, token, grant, tickets: world.vaults.core.tickets }
}

describe('a stream ticket', () => {
  it('is for one vault and one minute, and names the token that it was given out for', async () => {
    const { tickets, vault, grant, time } = await createHolder()
    const { ticket, expiresAt } = await tickets.issue(vault.id, grant)
    expect(ticket).toMatch(/^vst_[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(expiresAt).toBe(NOW + 60_000)
    time.now = expiresAt - 1
    expect(await tickets.verify(ticket)).toEqual({ vaultId: vault.id, token: grant })
    // A client that lost its connection uses it again.
    expect(await tickets.verify(ticket)).not.toBeNull()
    time.now = expiresAt
    expect(await tickets.verify(ticket)).toBeNull()
  })

  it('does not outlive its token', async () => {
    const { tickets, vault, grant, time } = await createHolder(30)
    const { ticket, expiresAt } = await tickets.issue(vault.id, grant)
    expect(expiresAt).toBe(grant.expiresAt)
    time.now = expiresAt
    expect(await tickets.verify(ticket)).toBeNull()
  })

  it('does not outlive it either where the store goes by another clock', async () => {
    const world = createWorld({ store: memory({ clock: () => 0 }) })
    const vault = await world.vaults.create()
    const { id, expiresAt } = await vault.issueAccessToken({ ttlSeconds: 30 })
    expect(await world.vaults.core.tokens.find(vault.id, id)).toEqual({ vaultId: vault.id, id, expiresAt })
    world.time.now = expiresAt
    expect(await world.vaults.core.tokens.find(vault.id, id)).toBeNull()
  })

  it('is over when its token is revoked', async () => {
    const { tickets, vault, grant } = await createHolder()
    const { ticket } = await tickets.issue(vault.id, grant)
    await vault.revokeAccessToken(grant.id)
    expect(await tickets.verify(ticket)).toBeNull()
  })

  it('may be given out for an API key, which is over with the configuration', async () => {
    const { tickets, vault } = await createHolder()
    const { ticket } = await tickets.issue(vault.id, null)
    expect(await tickets.verify(ticket)).toEqual({ vaultId: vault.id, token: null })
  })

  it('is no access token, and an access token is no ticket', async () => {
    const { tickets, vaults, vault, token, grant } = await createHolder()
    for (const { ticket } of [await tickets.issue(vault.id, grant), await tickets.issue(vault.id, null)]) {
      const jwt = ticket.slice('vst_'.length)
      for (const text of [ticket, `vat_${jwt}`, jwt]) {
        expect(await vaults.core.tokens.verify(text)).toMatchObject({ reason: 'unauthorized' })
      }
    }
    const jwt = token.slice('vat_'.length)
    for (const text of [token, `vst_${jwt}`, jwt]) expect(await tickets.verify(text)).toBeNull()
  })

  it('is nothing that we did not sign', async () => {
    const world = await createHolder()
    const { ticket } = await world.tickets.issue(world.vault.id, world.grant)
    const [head, body, signature] = ticket.slice('vst_'.length).split('.')
    const other = createWorld({ beside: world, secrets: ['another secret of thirty-two bytes'] })
    const rotated = createWorld({ beside: world, secrets: ['another secret of thirty-two bytes', SECRET] })
    expect(await other.vaults.core.tickets.verify(ticket)).toBeNull()
    expect(await rotated.vaults.core.tickets.verify(ticket)).not.toBeNull()
    const none = Buffer.from('{"alg":"none","typ":"vault-stream+jwt"}').toString('base64url')
    const wrong = [
      '',
      'vst_',
      'vst_a.b.c',
      `${ticket}x`,
      `vst_${none}.${body}.`,
      `vst_${head}.${signature}.${body}`,
      `vst_${'x'.repeat(1e5)}`,
    ]
    for (const text of wrong) expect(await world.tickets.verify(text)).toBeNull()
  })
})

describe('a dump of the store', () => {
  it('holds no ticket', async () => {
    const { tickets, vault, grant, rows } = await createHolder()
    const before = JSON.stringify(await rows(''))
    await tickets.issue(vault.id, grant)
    expect(JSON.stringify(await rows(''))).toBe(before)
  })
})
