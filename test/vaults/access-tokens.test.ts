import { decodeJwt, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/lib/bytes.ts'
import { createWorld, HOUR, NOW, refusedWith, SECRET } from './world.ts'

const INVALID = { kind: 'refusal', reason: 'unauthorized' }

describe('an access token', () => {
  it('is for one vault, and for an hour by default', async () => {
    const { vaults, time } = createWorld()
    const vault = await vaults.create()
    const { token, id, expiresAt } = await vault.issueAccessToken()
    expect(token).toMatch(/^vat_[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(expiresAt).toBe(NOW + HOUR)
    expect(await vaults.core.tokens.verify(token)).toEqual({ vaultId: vault.id, id, expiresAt })
    time.now = expiresAt - 1
    expect(await vaults.core.tokens.verify(token)).toEqual({ vaultId: vault.id, id, expiresAt })
    time.now = expiresAt
    expect(await vaults.core.tokens.verify(token)).toMatchObject(INVALID)
  })

  it('lasts from a second to a day', async () => {
    const vault = await createWorld().vaults.create()
    for (const ttlSeconds of [1, 86_400]) {
      const { expiresAt } = await vault.issueAccessToken({ ttlSeconds })
      expect(expiresAt).toBe(NOW + ttlSeconds * 1000)
    }
    for (const ttlSeconds of [0, -1, 1.5, 86_401, Number.NaN, '60' as never]) {
      await expect(vault.issueAccessToken({ ttlSeconds })).rejects.toMatchObject({ code: 'invalid-option' })
    }
  })

  it('is over once it is revoked', async () => {
    const { vaults } = createWorld()
    const [vault, other] = [await vaults.create(), await vaults.create()]
    const { token, id } = await vault.issueAccessToken()
    const kept = await vault.issueAccessToken()
    expect(await other.revokeAccessToken(id)).toBe(false)
    expect(await vault.revokeAccessToken('../x')).toBe(false)
    expect(await vaults.core.tokens.verify(token)).toMatchObject({ vaultId: vault.id })
    expect(await vault.revokeAccessToken(id)).toBe(true)
    expect(await vault.revokeAccessToken(id)).toBe(false)
    expect(await vaults.core.tokens.verify(token)).toMatchObject(INVALID)
    expect(await vaults.core.tokens.verify(kept.token)).toMatchObject({ vaultId: vault.id })
  })

  it('is over with its vault', async () => {
    const { vaults, work } = createWorld()
    const vault = await vaults.create()
    const { token } = await vault.issueAccessToken()
    await vault.delete()
    await expect(vault.issueAccessToken()).rejects.toMatchObject(refusedWith('vault-not-found'))
    await work()
    expect(await vaults.core.tokens.verify(token)).toMatchObject(INVALID)
  })

  it('may be of a sealed vault', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    await vault.seal()
    const { token } = await vault.issueAccessToken()
    expect(await vaults.core.tokens.verify(token)).toMatchObject({ vaultId: vault.id })
  })

  it('outlives a rotation of the secret that signed it', async () => {
    const world = createWorld()
    const vault = await world.vaults.create()
    const { token } = await vault.issueAccessToken()
    const rotated = createWorld({ beside: world, secrets: ['a new secret of thirty-two bytes!', SECRET] })
    expect(await rotated.vaults.core.tokens.verify(token)).toMatchObject({ vaultId: vault.id })
    const replaced = createWorld({ beside: world, secrets: ['a new secret of thirty-two bytes!'] })
    expect(await replaced.vaults.core.tokens.verify(token)).toMatchObject(INVALID)
  })

  it('is nothing that we did not sign for this', async () => {
    const { vaults, store } = createWorld()
    const vault = await vaults.create()
    const { token, id } = await vault.issueAccessToken()
    const [header = '', payload = '', signature = ''] = token.slice(4).split('.')
    const claims = decodeJwt(token.slice(4))
    const unsigned = Buffer.from('{"alg":"none","typ":"vault-access+jwt"}').toString('base64url')
    const bySecret = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'vault-access+jwt' })
      .sign(utf8(SECRET))
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: (await vaults.create()).id })).toString(
      'base64url',
    )
    const wrong = [
      token.slice(4),
      `VAT_${token.slice(4)}`,
      `vat_${unsigned}.${payload}.`,
      `vat_${bySecret}`,
      `vat_${header}.${forged}.${signature}`,
      `${token}x`,
      `${token} `,
      `vat_${id}`,
      'vat_',
      '',
      'vat_a.b.c',
      `vat_${'x'.repeat(100_000)}`,
    ]
    for (const text of wrong) expect(await vaults.core.tokens.verify(text)).toMatchObject(INVALID)
    expect(await store.list({ start: 'vault-token/', end: 'vault-token0' })).toHaveLength(1)
  })
})

describe('a dump of the store', () => {
  it('holds no token, nor anything that a token could be made of', async () => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    const tokens = await Promise.all([vault.issueAccessToken(), vault.issueAccessToken({ ttlSeconds: 60 })])
    await vault.seal()
    const proof = await vault.getProof()
    const dump = JSON.stringify(await rows(''))
    for (const { token, id } of tokens) {
      expect(dump).toContain(id)
      for (const part of token.slice(4).split('.')) expect(dump).not.toContain(part)
    }
    expect(dump).not.toContain('vat_')
    expect(dump).not.toContain(SECRET)
    expect(dump).not.toContain(proof.split('.')[2])
    // Whatever is in there, as a token: none is one.
    const texts = dump.match(/[\w.-]{16,}/g) ?? []
    expect(texts.length).toBeGreaterThan(10)
    for (const text of new Set(texts.flatMap((text) => [text, `vat_${text}`]))) {
      expect(await vaults.core.tokens.verify(text)).toMatchObject(INVALID)
    }
  })
})
