import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { type VaultDocument, type VaultReader, vaultReader } from '../../src/client/vault-reader.ts'
import { type Coffer, createCoffer } from '../../src/index.ts'
import { stub } from '../../src/protocols/stub.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Document } from '../../src/vaults/documents.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { createSeller } from '../end-to-end/shop.ts'
import { errorOf } from './agents.ts'
import { openMarket } from './market.ts'

const SECRET = 'another secret of thirty-two bytes'

let chain: EvmChain
let coffer: Coffer
beforeAll(async () => {
  chain = await startEvmChain()
  coffer = createSeller({ evm: [chain], vaults: { blobs: memoryBlobs() } }).coffer
})
afterAll(async () => {
  await coffer?.close()
  await chain?.stop()
})

/** A vault with something in it, and a reader of it whose answers may be changed on their way. */
async function open(
  change: (answer: Response, url: URL) => Response | Promise<Response> = (answer) => answer,
) {
  const vault = (await coffer.vaults?.create({ label: 'Bees' })) ?? expect.fail('there are no vaults')
  const document = await vault.addDocument({ topic: 'bees 🐝', b: 1, a: [null] }, 'What was asked')
  const file = await vault.addFile({
    name: 'bees.txt',
    type: 'text/plain',
    body: new Blob(['honey'.repeat(1000)]),
  })
  await vault.emit('agent.step', { step: 1 })
  const { token } = await vault.issueAccessToken()
  const requests: Request[] = []
  const fetch = async (request: Request): Promise<Response> => {
    requests.push(request.clone())
    return change(await coffer.fetch(request), new URL(request.url))
  }
  const url = `https://api.test/vaults/${vault.id}`
  return { vault, document, file, token, url, requests, reader: vaultReader(url, { token, fetch }) }
}

describe('a reader', () => {
  it('reads the manifest, documents, files and parts of files', async () => {
    const { reader, vault, document, file } = await open()
    expect(await reader.manifest()).toMatchObject({
      id: vault.id,
      status: 'active',
      label: 'Bees',
      documents: [{ id: document.id, label: 'What was asked', data: { topic: 'bees 🐝' } }],
      files: [{ id: file.id, name: 'bees.txt', size: 5000 }],
    })
    expect(await reader.document(document.id)).toMatchObject({ data: { a: [null] }, sha256: document.sha256 })
    expect(await (await reader.file(file.id)).text()).toBe('honey'.repeat(1000))
    const part = await reader.file(file.id, 'bytes=1-3')
    expect([part.status, await part.text()]).toEqual([206, 'one'])
  })

  it('follows the events to the end', async () => {
    const { reader, vault } = await open()
    await vault.seal()
    const types: string[] = []
    for await (const { type } of reader.events()) types.push(type)
    expect(types).toEqual(['agent.step', 'vault.sealed'])
  })

  it.each([
    ['a document', (reader: VaultReader) => reader.document('doc_x'), 'document-not-found'],
    ['a file', (reader: VaultReader) => reader.file('fil_x'), 'file-not-found'],
    ['a proof of what is not sealed', (reader: VaultReader) => reader.proof(), 'vault-not-sealed'],
  ] as const)('is told why there is no such thing: %s', async (_what, read, reason) => {
    const { reader } = await open()
    expect(await errorOf(read(reader))).toMatchObject({ code: 'refused', refusal: { reason } })
  })

  it('is refused with a token that is none, or of another vault', async () => {
    const [one, other] = [await open(), await open()]
    const fetch = (request: Request) => coffer.fetch(request)
    for (const token of ['vat_x.y.z', other.token]) {
      const error = await errorOf(vaultReader(one.url, { token, fetch }).manifest())
      expect(error).toMatchObject({ code: 'refused' })
      expect(error.message).not.toContain(token)
    }
  })

  it('follows no redirect, which would take its token along', async () => {
    const away = new Response(null, { status: 302, headers: { location: 'https://thief.test' } })
    const { reader, requests } = await open(() => away)
    expect(await errorOf(reader.manifest())).toMatchObject({ code: 'invalid-answer' })
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual'])
  })

  it('asks for public keys without its token', async () => {
    const { reader, vault, requests } = await open()
    await vault.seal()
    await reader.verify()
    const keys = requests.find(({ url }) => url.endsWith('jwks.json'))
    expect(keys?.headers.has('authorization')).toBe(false)
  })

  it.each([
    ['HTML', () => new Response('<h1>hello</h1>')],
    ['a list', () => Response.json([])],
    ['another object', () => Response.json({ hello: 1 })],
    ['nothing', () => new Response(null, { status: 204 })],
  ])('does not take %s for an answer', async (_what, answer) => {
    const { reader } = await open(answer)
    for (const read of [reader.manifest, () => reader.document('doc_x'), () => reader.verify()]) {
      expect(await errorOf(read())).toMatchObject({ code: 'invalid-answer' })
    }
  })
})

describe('a sealed vault', () => {
  it('is verified whole: the signature, every document, every file', async () => {
    const { reader, vault, file, document } = await open()
    await vault.seal('Done')
    const signed = await reader.verify()
    expect(signed).toMatchObject({
      vault: vault.id,
      summary: 'Done',
      documents: [{ id: document.id }],
      files: [{ id: file.id }],
    })
    const bytes = await reader.verifiedFile(signed.files[0] ?? expect.fail('no file'))
    expect(await new Response(bytes).text()).toBe('honey'.repeat(1000))
  })

  it('is verified with keys that were kept, and not with those of somebody else', async () => {
    const { reader, vault } = await open()
    await vault.seal()
    const keys = (await (
      await coffer.fetch(new Request('https://api.test/.well-known/jwks.json'))
    ).json()) as {
      keys: never[]
    }
    expect((await reader.verify(keys)).vault).toBe(vault.id)
    const other = createCoffer({
      secret: SECRET,
      wallets: { main: { address: '0x5e11e45e11e45e11e45e11e45e11e45e11e45e11' } },
      protocols: [stub()],
      store: memory(),
      vaults: { blobs: memoryBlobs() },
    })
    const theirs = (await (
      await other.fetch(new Request('https://api.test/.well-known/jwks.json'))
    ).json()) as { keys: never[] }
    expect(await errorOf(reader.verify(theirs))).toMatchObject({ code: 'invalid-manifest' })
    await other.close()
  })

  /** A reader of a sealed vault whose manifest is changed on its way. */
  async function tampered(
    change: (manifest: { documents: object[]; files: object[] } & Record<string, unknown>) => void,
  ) {
    const opened = await open(async (answer, { pathname, search }) => {
      if (!pathname.endsWith('/manifest') || search !== '') return answer
      const manifest = (await answer.json()) as Parameters<typeof change>[0]
      change(manifest)
      return Response.json(manifest)
    })
    await opened.vault.seal()
    return opened.reader
  }

  it.each([
    [
      'another document',
      (manifest) => Object.assign(manifest.documents[0] ?? {}, { data: { topic: 'wasps' } }),
      'is another',
    ],
    ['a document less', (manifest) => manifest.documents.pop(), 'is missing'],
    ['a document more', (manifest) => manifest.documents.push({ id: 'doc_x', data: {} }), 'not signed'],
    [
      'a document twice',
      (manifest) => Object.assign(manifest.documents[0] ?? {}, { id: 'doc_x' }),
      'is missing',
    ],
    ['another file', (manifest) => Object.assign(manifest.files[0] ?? {}, { sha256: '00' }), 'is another'],
    ['a file more', (manifest) => manifest.files.push({ id: 'fil_x' }), 'was not signed'],
    ['the id of another vault', (manifest) => Object.assign(manifest, { id: 'vlt_other' }), 'another vault'],
  ] as [string, Parameters<typeof tampered>[0], string][])(
    'that shows %s is found out',
    async (_what, change, why) => {
      const error = await errorOf((await tampered(change)).verify())
      expect(error).toMatchObject({ code: 'invalid-manifest', message: expect.stringContaining(why) })
    },
  )

  it('whose proof is that of another vault is found out', async () => {
    const other = await open()
    await other.vault.seal()
    const proof = await other.reader.proof()
    const { reader, vault } = await open((answer, { search }) =>
      search === '?proof' ? new Response(proof) : answer,
    )
    await vault.seal()
    expect(await errorOf(reader.verify())).toMatchObject({ code: 'invalid-manifest' })
  })

  it.each([
    ['other bytes', 'money'.repeat(1000)],
    ['fewer bytes', 'honey'],
    ['more bytes', 'honey'.repeat(1001)],
  ])('whose file comes as %s fails where that is clear', async (_what, body) => {
    const { reader, vault } = await open((answer, { pathname }) =>
      pathname.includes('/files/') ? new Response(body) : answer,
    )
    await vault.seal()
    const { files } = await reader.verify()
    const bytes = await reader.verifiedFile(files[0] ?? expect.fail('no file'))
    expect(await errorOf(new Response(bytes).text())).toMatchObject({ code: 'invalid-manifest' })
  })

  it('is still verified when a file was deleted afterwards', async () => {
    const { reader, vault, file } = await open()
    await vault.seal()
    await vault.deleteFile(file.id)
    expect((await reader.verify()).files).toMatchObject([{ id: file.id }])
  })
})

it('over sockets, the runtime’s own fetch shows the token', async () => {
  const market = await openMarket(() => new Response('honey'))
  const reader = vaultReader(`${market.url}/vaults/vlt_1/`, { token: () => 'vat_x' })
  expect(await (await reader.file('fil_1')).text()).toBe('honey')
  expect(market.requests).toMatchObject([
    { url: `${market.url}/vaults/vlt_1/files/fil_1`, headers: { authorization: 'Bearer vat_x' } },
  ])
  await market.close()
})

it('a document is for clients what it is for servers', () => {
  expectTypeOf<VaultDocument>().toEqualTypeOf<Document>()
})

it.each([
  ['a URL that is none', 'vaults/vlt_1', { token: 'x' }],
  ['an unknown option', 'https://api.test/vaults/vlt_1', { token: 'x', cache: true }],
])('%s is refused', (_what, url, options) => {
  expect(() => vaultReader(url, options)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})
