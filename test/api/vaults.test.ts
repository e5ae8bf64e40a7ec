import { createRemoteJWKSet } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { documentDigest, verifyManifest } from '../../src/manifest-verify.ts'
import { plans } from '../../src/vaults/limits.ts'
import type { Manifest } from '../../src/vaults/manifest.ts'
import { codeOf } from '../gate/scripted.ts'
import { jsonOf } from './operator.ts'
import { serveVaults, type VaultServer } from './vault-server.ts'

const HOUR = 3_600_000
const server = await serveVaults()
afterAll(() => server.close())
const { send, post } = server

/** Makes a vault over the API; returns its path. */
async function create(body: object = {}, { post }: Pick<VaultServer, 'post'> = server): Promise<string> {
  const answer = await post('/vaults', body)
  expect(answer.status).toBe(201)
  return `/vaults/${(await jsonOf<{ id: string }>(answer)).id}`
}

/** Expects a problem. */
async function refused(answer: Response | Promise<Response>, status: number, code: string): Promise<void> {
  const came = await answer
  expect([came.status, await codeOf(came)]).toEqual([status, code])
}

describe('a vault', () => {
  it('is made of what it is told', async () => {
    const previous = (await create()).slice('/vaults/'.length)
    const paymentId = `pay_${'p'.repeat(22)}`
    const made = await post('/vaults', {
      label: 'Reports ☂',
      ttlHours: 1.5,
      paymentId,
      metadata: { customer: { id: 7 } },
      previousVaultId: previous,
    })
    expect(made.status).toBe(201)
    expect(await made.json()).toEqual({
      id: `vlt_${'p'.repeat(22)}`,
      status: 'active',
      label: 'Reports ☂',
      metadata: { customer: { id: 7 } },
      summary: null,
      paymentId,
      previousVaultId: previous,
      createdAt: server.now(),
      expiresAt: server.now() + 1.5 * HOUR,
      sealedAt: null,
      persistedAt: null,
      documents: 0,
      files: 0,
      events: 0,
      bytes: 0,
    })
    await refused(post('/vaults', { paymentId }), 409, 'vault-exists')
    const plain = await jsonOf(await send('/vaults', { method: 'POST' }))
    expect(plain).toMatchObject({ label: null, metadata: {}, expiresAt: server.now() + 168 * HOUR })
  })

  it.each<[string, unknown]>([
    ['no object', '[]'],
    ['no JSON', '{"label":'],
    ['an unknown member', { name: 'x' }],
    ['a session', { session: 'x' }],
    ['a long label', { label: 'x'.repeat(501) }],
    ['a label that is none', { label: 7 }],
    ['a label with a NUL', { label: '\0' }],
    ['no time', { ttlHours: 0 }],
    ['a negative time', { ttlHours: -1 }],
    ['an endless time', '{"ttlHours":1e400}'],
    ['a payment that is none', { paymentId: '../x' }],
    ['metadata that are a list', { metadata: [] }],
    ['large metadata', { metadata: { x: 'x'.repeat(9000) } }],
    ['a previous vault that is none', { previousVaultId: 'vlt_x' }],
  ])('is not made of %s', async (_, body) => {
    await refused(send('/vaults', { body: body as string | object }), 400, 'bad-request')
  })

  it('is not kept longer than the limits allow', async () => {
    await refused(post('/vaults', { ttlHours: 169 }), 422, 'ttl-exceeds-plan')
    await refused(post(`${await create()}/extend`, { ttlHours: 169 }), 422, 'ttl-exceeds-plan')
  })

  it('shows what is in it, and its manifest the content too', async () => {
    const at = await create({ label: 'All' })
    const document = await jsonOf(await post(`${at}/documents`, { data: { a: [1, 'é'] }, label: 'One' }))
    const file = await jsonOf<{ id: string }>(
      await send(`${at}/files?name=a.txt`, { body: 'hello', headers: { 'content-type': 'text/plain' } }),
    )
    const deleted = await jsonOf<{ id: string }>(await send(`${at}/files`, { body: 'gone' }))
    expect((await send(`${at}/files/${deleted.id}`, { method: 'DELETE' })).status).toBe(204)
    await post(`${at}/events`, { type: 'agent.step', payload: { step: 1 } })

    const shown = await jsonOf(await send(at))
    expect(shown).toMatchObject({ label: 'All', documents: [document], files: [file], events: 1, bytes: 19 })
    const manifest = await jsonOf<Manifest>(await send(`${at}/manifest`))
    const { id: documentId, createdAt } = document
    expect(manifest).toEqual({
      id: at.slice('/vaults/'.length),
      status: 'active',
      label: 'All',
      summary: null,
      createdAt: server.now(),
      sealedAt: null,
      persistedAt: null,
      expiresAt: server.now() + 168 * HOUR,
      documents: [{ id: documentId, label: 'One', data: { a: [1, 'é'] }, createdAt }],
      files: [{ ...file, url: `${server.url}${at}/files/${file.id}` }],
      events: 1,
    })
    const { token } = await jsonOf<{ token: string }>(await post(`${at}/access-token`))
    const url = new URL(manifest.files[0]?.url ?? '')
    expect(await (await send(url.pathname, { bearer: token })).text()).toBe('hello')
  })

  it('is sealed, persisted and extended, each once it makes sense', async () => {
    const at = await create()
    server.advance(HOUR)
    expect(await jsonOf(await post(`${at}/extend`, { ttlHours: 24 }))).toMatchObject({
      expiresAt: server.now() + 24 * HOUR,
    })
    await refused(post(`${at}/extend`), 400, 'bad-request')
    expect(await jsonOf(await post(`${at}/seal`, { summary: 'Done' }))).toMatchObject({
      status: 'sealed',
      summary: 'Done',
      sealedAt: server.now(),
    })
    await refused(post(`${at}/seal`), 409, 'vault-sealed')
    await refused(post(`${at}/documents`, { data: 1 }), 409, 'vault-sealed')
    await refused(send(`${at}/files`, { body: 'x' }), 409, 'vault-sealed')
    await refused(post(`${at}/events`, { type: 'a' }), 409, 'vault-sealed')
    expect(await jsonOf(await send(`${at}/persist`, { method: 'POST' }))).toMatchObject({
      status: 'persisted',
      expiresAt: null,
      persistedAt: server.now(),
    })
    await refused(post(`${at}/persist`), 409, 'vault-already-persisted')
    await refused(post(`${at}/extend`, { ttlHours: 1 }), 409, 'vault-already-persisted')
    await refused(post(`${await create()}/seal`, { summary: 'x'.repeat(4001) }), 400, 'bad-request')
  })

  it('is told apart from one that never was when it has expired, and not when it was deleted', async () => {
    const [expired, deleted] = [await create({ ttlHours: 1 }), await create({ ttlHours: 1 })]
    expect((await send(deleted, { method: 'DELETE' })).status).toBe(204)
    await refused(send(deleted), 404, 'vault-not-found')
    await refused(send(deleted, { method: 'DELETE' }), 404, 'vault-not-found')
    server.advance(HOUR)
    for (const path of [
      expired,
      `${expired}/manifest`,
      `${expired}/documents/doc_x`,
      `${expired}/files/fil_x`,
    ]) {
      await refused(send(path), 410, 'vault-expired')
    }
    await refused(post(`${expired}/documents`, { data: 1 }), 410, 'vault-expired')
    await refused(send(`${expired}/files`, { body: 'x' }), 410, 'vault-expired')
    await refused(send('/vaults/vlt_x'), 404, 'vault-not-found')
  })

  it('has URLs under the base path, at the origin that clients know', async () => {
    const mounted = await serveVaults({ options: { basePath: '/coffer', publicUrl: 'https://shop.example' } })
    const vault = await mounted.createVault()
    const { id } = await vault.addFile({ body: new Uint8Array(1) })
    const manifest = await jsonOf<Manifest>(await mounted.send(`/coffer/vaults/${vault.id}/manifest`))
    expect(manifest.files[0]?.url).toBe(`https://shop.example/coffer/vaults/${vault.id}/files/${id}`)
    for (const path of ['/.well-known/jwks.json', '/coffer/.well-known/jwks.json']) {
      expect((await mounted.send(path, { bearer: null })).status).toBe(200)
    }
    await mounted.close()
  })
})

describe('the list of vaults', () => {
  it('comes in pages, without those that have ended', async () => {
    const other = await serveVaults()
    const made: string[] = []
    for (let n = 0; n < 7; n++) made.push(await create({}, other))
    await other.send(made[3] ?? '', { method: 'DELETE' })
    const seen: string[] = []
    let query = '?limit=3'
    for (let pages = 1; ; pages++) {
      const page = await jsonOf<{ vaults: { id: string }[]; cursor: string | null }>(
        await other.send(`/vaults${query}`),
      )
      seen.push(...page.vaults.map(({ id }) => `/vaults/${id}`))
      if (page.cursor === null) {
        expect(pages).toBe(3)
        break
      }
      query = `?limit=3&cursor=${page.cursor}`
    }
    expect(seen).toEqual(made.filter((_, at) => at !== 3).sort())
    for (const wrong of ['?cursor=vlt_x', '?limit=0', '?limit=501', '?page=2']) {
      await refused(other.send(`/vaults${wrong}`), 400, 'bad-request')
    }
    await other.close()
  })
})

describe('the quota', () => {
  it('is told, with -1 for no limit', async () => {
    const other = await serveVaults({ limits: plans.pro })
    const at = await create({}, other)
    await other.post(`${await create({}, other)}/persist`)
    await other.send(`${at}/files`, { body: 'hello' })
    expect(await jsonOf(await other.send('/vaults/quota'))).toEqual({
      usage: { activeVaults: 1, persistedVaults: 1, storageBytes: 5 },
      limits: {
        sessions: true,
        activeVaults: 50,
        persistedVaults: 20,
        ttlHours: 168,
        documentsPerVault: -1,
        filesPerVault: 100,
        fileBytes: 100 * 2 ** 20,
        storageBytes: 10 * 2 ** 30,
      },
    })
    await other.close()
  })

  it('is kept: every limit has its own refusal', async () => {
    const limits = {
      activeVaults: 2,
      persistedVaults: 0,
      documentsPerVault: 1,
      filesPerVault: 1,
      fileBytes: 4,
      storageBytes: 6,
    }
    const other = await serveVaults({ limits })
    const at = await create({}, other)
    const second = await create({}, other)
    await refused(other.post('/vaults'), 429, 'vault-quota-exceeded')
    await refused(other.post(`${at}/persist`), 429, 'persisted-vault-quota-exceeded')
    expect((await other.post(`${at}/documents`, { data: 'ab' })).status).toBe(201)
    await refused(other.post(`${at}/documents`, { data: 1 }), 422, 'documents-per-vault-exceeded')
    await refused(other.post(`${second}/documents`, { data: 'abc' }), 429, 'storage-quota-exceeded')
    await refused(other.send(`${at}/files`, { body: 'abcde' }), 413, 'file-too-large')
    await refused(other.send(`${at}/files`, { body: 'abc' }), 429, 'storage-quota-exceeded')
    expect((await other.send(`${at}/files`, { body: 'ab' })).status).toBe(201)
    await refused(other.send(`${at}/files`, { body: '' }), 422, 'files-per-vault-exceeded')
    await other.close()
  })
})

describe('a document', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['false', false],
    ['text', 'a\u0000\r\n☂\u{1f600}'],
    ['a number', -1.5e-7],
    ['a list', [[], {}, '']],
    ['an object', JSON.parse('{ "__proto__": { "a": 1 }, "a b": { "c": null } }')],
    ['what does not fit into a row', { text: 'é'.repeat(200_000) }],
  ])('comes back as it was: %s', async (_, data) => {
    const at = await create()
    const added = await post(`${at}/documents`, { data, label: 'A document' })
    expect(added.status).toBe(201)
    const stub = await jsonOf<{ id: string; sha256: string }>(added)
    expect(stub.sha256).toBe(documentDigest(data as string))
    expect(await jsonOf(await send(`${at}/documents/${stub.id}`))).toEqual({ ...stub, data })
  })

  it.each<[string, string, number]>([
    ['no data', '{"label":"x"}', 400],
    ['no body', '', 400],
    ['no object', '"text"', 400],
    ['an unknown member', '{"data":1,"type":"x"}', 400],
    ['a number beyond all', '{"data":1e999}', 400],
    ['half a character', '{"data":"\\ud800"}', 400],
    ['endless depth', `{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
    ['a long label', `{"data":1,"label":"${'x'.repeat(501)}"}`, 400],
    ['more than 16 MiB', `{"data":"${'x'.repeat(2 ** 24)}"}`, 413],
  ])('is not made of %s', async (_, body, status) => {
    const at = await create()
    await refused(
      send(`${at}/documents`, { body, method: 'POST' }),
      status,
      status === 400 ? 'bad-request' : 'body-too-large',
    )
    expect(await jsonOf(await send(at))).toMatchObject({ documents: [], bytes: 0 })
  })

  it('has to be something', async () => {
    const answer = await post(`${await create()}/documents`, { label: 'Nothing' })
    expect(await jsonOf(answer)).toMatchObject({ status: 400, expected: 'a value' })
  })

  it('is of its vault alone', async () => {
    const [one, other] = [await create(), await create()]
    const { id } = await jsonOf<{ id: string }>(await post(`${one}/documents`, { data: 1 }))
    for (const wrong of [id, 'doc_x', encodeURIComponent(`../documents/${id}`), '%00', 'x'.repeat(5000)]) {
      await refused(send(`${other}/documents/${wrong}`), 404, 'document-not-found')
    }
  })
})

describe('an event', () => {
  it('is answered as it will be read', async () => {
    const at = await create()
    const answer = await post(`${at}/events`, { type: 'agent.step', payload: { n: 1 } })
    expect(answer.status).toBe(201)
    const event = await jsonOf(answer)
    expect(event).toEqual({
      type: 'agent.step',
      payload: { n: 1 },
      eventId: expect.stringMatching(/^evt_/),
      vaultId: at.slice('/vaults/'.length),
      timestamp: new Date(server.now()).toISOString(),
    })
    expect(await jsonOf(await post(`${at}/events`, { type: 'bare' }))).toMatchObject({ payload: null })
    // All of it escaped, it is six times as long on the wire, and no longer.
    const escaped = '\\u0061'.repeat(48_000)
    expect((await send(`${at}/events`, { body: `{"type":"a","payload":"${escaped}"}` })).status).toBe(201)
  })

  it.each<[string, object, number, string]>([
    ['no type', {}, 400, 'bad-request'],
    ['an empty type', { type: '' }, 400, 'bad-request'],
    ['a long type', { type: 'x'.repeat(129) }, 400, 'bad-request'],
    ['a type of our own', { type: 'vault.sealed' }, 400, 'bad-request'],
    ['a large payload', { type: 'a', payload: 'x'.repeat(50_000) }, 413, 'body-too-large'],
    ['a larger payload', { type: 'a', payload: 'x'.repeat(500_000) }, 413, 'body-too-large'],
  ])('is not made of %s', async (_, body, status, code) => {
    await refused(post(`${await create()}/events`, body), status, code)
  })
})

describe('a sealed vault', () => {
  it('is proven by what the API answers to anybody with a token', async () => {
    const at = await create({ label: 'Report' })
    await post(`${at}/documents`, { data: { answer: 42 } })
    await refused(send(`${at}/manifest?proof`), 409, 'vault-not-sealed')
    await post(`${at}/seal`, { summary: 'Done' })
    const { token } = await jsonOf<{ token: string }>(await post(`${at}/access-token`))
    const answer = await send(`${at}/manifest?proof`, { bearer: token })
    expect(answer.headers.get('content-type')).toBe('application/jose')
    const proof = await answer.text()
    const jwks = await jsonOf<{ keys: object[] }>(await send('/.well-known/jwks.json', { bearer: null }))
    const manifest = await verifyManifest(proof, jwks)
    expect(manifest).toMatchObject({ vault: at.slice('/vaults/'.length), summary: 'Done' })
    expect(manifest.documents[0]?.sha256).toBe(documentDigest({ answer: 42 }))
    // Other people's clients find the key too.
    const remote = createRemoteJWKSet(new URL('/.well-known/jwks.json', server.url))
    expect(
      await remote({ alg: 'EdDSA', kid: String(jwks.keys[0] && Reflect.get(jwks.keys[0], 'kid')) }),
    ).toBeDefined()
    expect(await (await send(`${at}/manifest?proof=true`)).text()).toBe(proof)
    await refused(send(`${at}/manifest?proof=false`), 400, 'bad-request')
  })

  it('case 34: has all that was added before, and refuses the rest with 409', async () => {
    for (let round = 0; round < 5; round++) {
      const at = await create()
      const writes = Array.from({ length: 30 }, (_, n) => {
        if (n % 3 === 0) return send(`${at}/files?name=${n}`, { body: 'x'.repeat(1000 * n) })
        return n % 3 === 1 ? post(`${at}/documents`, { data: n }) : post(`${at}/events`, { type: `n${n}` })
      })
      // At another moment each time.
      const some = Promise.withResolvers<void>()
      let answered = 0
      for (const write of writes) {
        write.then(() => {
          if (++answered === 1 + round * 6) some.resolve()
        })
      }
      const seal = some.promise.then(() => post(`${at}/seal`))
      const answers = await Promise.all(writes)
      expect((await seal).status).toBe(200)
      const added: { documents: string[]; files: string[]; events: string[] } = {
        documents: [],
        files: [],
        events: [],
      }
      for (const answer of answers) {
        if (answer.status !== 201) {
          await refused(answer, 409, 'vault-sealed')
          continue
        }
        const { id, eventId } = await jsonOf<{ id: string; eventId?: string }>(answer)
        if (eventId) added.events.push(eventId)
        else added[id.startsWith('doc') ? 'documents' : 'files'].push(id)
      }
      const manifest = await jsonOf<Manifest>(await send(`${at}/manifest`))
      expect(manifest.documents.map(({ id }) => id)).toEqual(added.documents.sort())
      expect(manifest.files.map(({ id }) => id)).toEqual(added.files.sort())
      expect(manifest.events).toBe(added.events.length + 1)
    }
  })
})
