import { createHash, createPublicKey, verify } from 'node:crypto'
import { base64url, CompactSign, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/lib/bytes.ts'
import { documentDigest, verifyManifest } from '../../src/manifest-verify.ts'
import { bytesOf, createWorld, NOW, refusedWith, SECRET } from './world.ts'

const PAYMENT = 'pay_abcdefghijklmnopqrstuv'
const FACTS = { network: 'eip155:8453', transaction: '0xabc', payer: '0x1', amount: '0.05' }
const NEW_SECRET = 'another secret of thirty-two bytes or more'

async function delivered(options: Parameters<typeof createWorld>[0] = {}) {
  const world = createWorld({ describePayment: async (id) => (id === PAYMENT ? FACTS : null), ...options })
  const vault = await world.vaults.create({ paymentId: PAYMENT, label: 'Report' })
  const document = await vault.addDocument({ answer: 42 }, 'Answer')
  const large = await vault.addDocument('é'.repeat(100_000))
  const file = await vault.addFile({ name: 'a.bin', body: bytesOf(1000) })
  return { world, vault, document, large, file }
}

describe('the manifest of a vault', () => {
  it('holds what it holds', async () => {
    const { world, vault, document, large, file } = await delivered()
    expect(await vault.getManifest()).toEqual({
      id: vault.id,
      status: 'active',
      label: 'Report',
      summary: null,
      createdAt: NOW,
      sealedAt: null,
      persistedAt: null,
      expiresAt: NOW + 168 * 3_600_000,
      documents: [
        { id: document.id, label: 'Answer', data: { answer: 42 }, createdAt: NOW },
        { id: large.id, label: null, data: 'é'.repeat(100_000), createdAt: NOW },
      ],
      files: [{ ...file, url: `/vaults/${vault.id}/files/${file.id}` }],
      events: 0,
    })
    const there = await world.vaults.core.readManifest(vault.id, 'https://api.example.com/v1')
    expect(there).toMatchObject({
      files: [{ url: `https://api.example.com/v1/vaults/${vault.id}/files/${file.id}` }],
    })
  })
})

describe('the proof of a sealed vault', () => {
  it('says what was delivered for which payment, and a buyer can check it', async () => {
    const { world, vault, document, large, file } = await delivered()
    await vault.emit('x')
    await vault.seal('Done')
    const proof = await vault.getProof()
    const jwks = JSON.parse(JSON.stringify(await world.vaults.jwks()))
    const manifest = await verifyManifest(proof, jwks)
    expect(manifest).toEqual({
      vault: vault.id,
      label: 'Report',
      summary: 'Done',
      createdAt: NOW,
      sealedAt: NOW,
      payments: [{ id: PAYMENT, ...FACTS }],
      documents: [document, large],
      files: [file],
      events: 2,
    })
    expect(manifest.documents[0]?.sha256).toBe(documentDigest({ answer: 42 }))
    expect(manifest.files[0]?.sha256).toBe(createHash('sha256').update(bytesOf(1000)).digest('hex'))
    expect(manifest.documents[0]?.sha256).not.toBe(documentDigest({ answer: 43 }))
  })

  it('is checked as well by what is not ours', async () => {
    const { world, vault } = await delivered()
    await vault.seal()
    const [header = '', payload = '', signature = ''] = (await vault.getProof()).split('.')
    const [jwk = {}] = (await world.vaults.jwks()).keys
    const key = createPublicKey({ key: jwk as never, format: 'jwk' })
    expect(verify(null, utf8(`${header}.${payload}`), key, base64url.decode(signature))).toBe(true)
    expect(JSON.parse(new TextDecoder().decode(base64url.decode(header)))).toEqual({
      alg: 'EdDSA',
      kid: jwk.kid,
      typ: 'vault-manifest+json',
    })
    expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  })

  it('says the same every time, in every process, and after a file was deleted or the vault persisted', async () => {
    const { world, vault, file } = await delivered()
    await vault.seal()
    const proof = await vault.getProof()
    await vault.deleteFile(file.id)
    await vault.persist()
    const other = createWorld({ beside: world, describePayment: async () => FACTS })
    expect(await other.vaults.open(vault.id).getProof()).toBe(proof)
    expect((await vault.getManifest()).files).toEqual([])
  })

  it('is given of no vault that may still change', async () => {
    const { vault } = await delivered()
    await expect(vault.getProof()).rejects.toMatchObject(refusedWith('vault-not-sealed'))
    await vault.persist()
    await expect(vault.getProof()).rejects.toMatchObject(refusedWith('vault-not-sealed'))
  })

  it('survives a rotation of the secret, as long as the old one is still configured', async () => {
    const { world, vault } = await delivered()
    await vault.seal()
    const proof = await vault.getProof()
    const rotated = createWorld({ beside: world, secrets: [NEW_SECRET, SECRET] })
    const jwks = await rotated.vaults.jwks()
    expect(jwks.keys).toHaveLength(2)
    await verifyManifest(proof, jwks)
    await verifyManifest(await rotated.vaults.open(vault.id).getProof(), jwks)
    const replaced = createWorld({ beside: world, secrets: [NEW_SECRET] })
    await expect(verifyManifest(proof, await replaced.vaults.jwks())).rejects.toMatchObject({
      code: 'invalid-manifest',
    })
  })

  it('of a vault without a payment names none', async () => {
    const world = createWorld()
    const vault = await world.vaults.create()
    await vault.seal()
    const manifest = await verifyManifest(await vault.getProof(), await world.vaults.jwks())
    expect(manifest).toMatchObject({ payments: [], documents: [], files: [] })
  })
})

describe('verifyManifest', () => {
  it('refuses what was changed, was signed by others, or for something else', async () => {
    const { world, vault } = await delivered()
    await vault.seal()
    const proof = await vault.getProof()
    const jwks = await world.vaults.jwks()
    const [header = '', payload = '', signature = ''] = proof.split('.')
    const forged = base64url.encode(
      new TextDecoder().decode(base64url.decode(payload)).replace('Answer', 'Forged'),
    )
    const stranger = await generateKeyPair('EdDSA')
    const current = await world.vaults.core.signingKeys.current()
    const { kid = '' } = current.publicJwk
    const sign = (text: string, typ: string, key = current.privateKey) =>
      new CompactSign(utf8(text)).setProtectedHeader({ alg: 'EdDSA', kid, typ }).sign(key)
    const manifest = new TextDecoder().decode(base64url.decode(payload))
    const none = base64url.encode(JSON.stringify({ alg: 'none', kid, typ: 'vault-manifest+json' }))
    const hmac = await new SignJWT({}).setProtectedHeader({ alg: 'HS256', kid }).sign(utf8(SECRET))
    const wrong = [
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.`,
      `${none}.${payload}.`,
      hmac,
      await sign(manifest, 'vault-manifest+json', stranger.privateKey),
      await sign(manifest, 'JWT'),
      await sign('{}', 'vault-manifest+json'),
      await sign('[]', 'vault-manifest+json'),
      await sign(
        '{"vault":"vlt_1","sealedAt":1,"payments":[1],"documents":[],"files":[]}',
        'vault-manifest+json',
      ),
      '',
      'a.b.c',
      'x'.repeat(100_000),
    ]
    for (const text of wrong) {
      await expect(verifyManifest(text, jwks)).rejects.toMatchObject({ code: 'invalid-manifest' })
    }
    await expect(verifyManifest(proof, { keys: [] })).rejects.toMatchObject({ code: 'invalid-manifest' })
  })
})
