import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { documentDigest } from '../../src/vaults/signed-manifest.ts'
import { createWorld, refusedWith } from './world.ts'

describe('a document', () => {
  it('comes back as it was, under the next id, with its digest', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    const data = { b: [1, null, 'é'], a: { nul: '\0', quote: '"' } }
    const stub = await vault.addDocument(data, 'First')
    expect(stub).toMatchObject({ label: 'First', sha256: documentDigest(data), size: 53 })
    expect(stub.id).toMatch(/^doc_[\w-]{10}000000000001$/)
    expect(await vault.getDocument(stub.id)).toEqual({ ...stub, data })
    expect((await vault.addDocument(2)).id).toMatch(/2$/)
    expect(await vault.info()).toMatchObject({ documents: 2, bytes: 54 })
  })

  it('may be whatever JSON can carry', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const { id, sha256 } = await vault.addDocument(value)
        const { data } = await vault.getDocument(id)
        expect(data).toEqual(JSON.parse(JSON.stringify(value)))
        expect(documentDigest(data)).toBe(sha256)
      }),
    )
  })

  it('is what JSON makes of it', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    const { id } = await vault.addDocument({ at: new Date(0), gone: undefined, cut: 'a\ud83d', ...PROTO })
    expect(JSON.stringify((await vault.getDocument(id)).data)).toBe(
      '{"__proto__":{"x":1},"at":"1970-01-01T00:00:00.000Z","cut":"a\ufffd"}',
    )
  })

  it.each([
    ['nothing', undefined],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['a circle', circle()],
    ['endless depth', deep(100_000)],
  ])('is not %s', async (_, value) => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    await expect(vault.addDocument(value)).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(vault.addDocument(1, 'x'.repeat(501))).rejects.toMatchObject({ code: 'invalid-option' })
    expect(await rows('vault-document/')).toEqual([])
  })

  it.each([60_000, 1_000_000, 10_000_000])(
    'of %i bytes is a blob, and every row stays small',
    async (size) => {
      const { vaults, rows } = createWorld()
      const vault = await vaults.create()
      const data = { text: 'é"\0'.repeat(size / 10) }
      const stub = await vault.addDocument(data, 'Large')
      expect(stub.sha256).toBe(documentDigest(data))
      expect((await vault.getDocument(stub.id)).data).toEqual(data)
      expect((await vault.getManifest()).documents).toMatchObject([{ id: stub.id, label: 'Large', data }])
      expect((await vault.info()).bytes).toBe(stub.size)
      for (const { value } of await rows('')) expect(JSON.stringify(value).length).toBeLessThan(60_000)
      expect(await rows('vault-upload/')).toEqual([])
      expect((await rows('due/')).filter(({ value }) => value['kind'] === 'vault-blob')).toEqual([])
    },
  )

  it('just small enough for a row stays below 60 KiB, whatever is in it', async () => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    for (const char of ['a', '"', '\\', '\0', '\n', 'é', '名', '😀']) {
      for (let size = 48 * 1024; size > 1000; size = Math.floor(size / 1.3)) {
        await vault.addDocument(char.repeat(size), 'é'.repeat(500))
      }
    }
    const sizes = (await rows('vault-document/')).map(({ value }) => Buffer.byteLength(JSON.stringify(value)))
    expect(Math.max(...sizes)).toBeLessThan(60 * 1024)
    expect(Math.max(...sizes)).toBeGreaterThan(40 * 1024)
  })

  it('of another vault, or none at all, is not found', async () => {
    const { vaults } = createWorld()
    const [one, other] = [await vaults.create(), await vaults.create()]
    const { id } = await other.addDocument(1)
    await one.addDocument(1)
    for (const wrong of [id, `${id}0`, 'doc_', '', '../x', 'x'.repeat(10_000), id.replace('doc', 'fil')]) {
      await expect(one.getDocument(wrong)).rejects.toMatchObject(refusedWith('document-not-found'))
    }
  })
})

describe('the number of documents', () => {
  it('is limited, also for those that come at once, small and large', async () => {
    const { vaults } = createWorld({ limits: { documentsPerVault: 5 } })
    const vault = await vaults.create()
    const large = 'x'.repeat(100_000)
    const added = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => vault.addDocument(n % 2 === 0 ? n : large)),
    )
    const refusals = added.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    expect(refusals).toHaveLength(15)
    for (const error of refusals) expect(error).toMatchObject(refusedWith('documents-per-vault-exceeded'))
    expect((await vault.getManifest()).documents).toHaveLength(5)
    await (await vaults.create()).addDocument(1)
  })
})

describe('documents that are added at once', () => {
  it('by two processes have numbers without gaps, and every byte is counted', async () => {
    const one = createWorld({ limits: { storageBytes: 1_000_000 } })
    const other = createWorld({ limits: { storageBytes: 1_000_000 }, beside: one })
    const vault = await one.vaults.create()
    const handles = [vault, other.vaults.open(vault.id)]
    const stubs = await Promise.all(
      Array.from({ length: 100 }, (_, n) => handles[n % 2]?.addDocument({ n }) ?? Promise.reject()),
    )
    const numbers = stubs.map(({ id }) => Number(id.slice(-12))).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    const bytes = stubs.reduce((sum, { size }) => sum + size, 0)
    expect(await vault.info()).toMatchObject({ documents: 100, bytes })
    expect((await other.vaults.usage()).storageBytes).toBe(bytes)
  })
})

const PROTO = JSON.parse('{"__proto__": {"x": 1}}')

function circle(): unknown {
  const value: { self?: unknown } = {}
  value.self = value
  return value
}

function deep(levels: number): unknown {
  let value: unknown = 0
  for (let n = 0; n < levels; n++) value = [value]
  return value
}
