import { afterAll, describe, expect, it } from 'vitest'
import { codeOf } from '../gate/scripted.ts'
import { jsonOf } from './operator.ts'
import { serveVaults } from './vault-server.ts'

const server = await serveVaults()
afterAll(() => server.close())
const { send, createVault } = server

/** A vault with something of every kind in it, and a token to read it. */
async function createShared(ttlSeconds = 3600) {
  const vault = await createVault()
  const document = await vault.addDocument({ answer: 42 })
  const file = await vault.addFile({ name: 'a.txt', body: new TextEncoder().encode('hello') })
  const { token, id } = await vault.issueAccessToken({ ttlSeconds })
  const at = `/vaults/${vault.id}`
  const reads = [at, `${at}/manifest`, `${at}/documents/${document.id}`, `${at}/files/${file.id}`]
  const writes: [method: string, path: string, body?: object][] = [
    ['POST', '/vaults', {}],
    ['GET', '/vaults'],
    ['GET', '/vaults/quota'],
    ['POST', `${at}/documents`, { data: 1 }],
    ['POST', `${at}/files`, {}],
    ['DELETE', `${at}/files/${file.id}`],
    ['POST', `${at}/events`, { type: 'a' }],
    ['POST', `${at}/seal`, {}],
    ['POST', `${at}/persist`],
    ['POST', `${at}/extend`, { ttlHours: 1 }],
    ['POST', `${at}/access-token`, {}],
    ['DELETE', `${at}/access-token/${id}`],
    ['DELETE', at],
  ]
  return { vault, token, id, at, reads, writes }
}

/** Asks, and returns status and code of the answer. */
async function outcome(path: string, init: Parameters<typeof send>[1]): Promise<readonly [number, unknown]> {
  const answer = await send(path, init)
  const isProblem = answer.headers.get('content-type') === 'application/problem+json'
  const code = isProblem ? await codeOf(answer) : await answer.body?.cancel()
  return [answer.status, code]
}

describe('an access token', () => {
  it('reads all of its vault', async () => {
    const { reads, token } = await createShared()
    for (const path of reads) {
      expect(await outcome(path, { bearer: token })).toEqual([200, undefined])
      expect(await outcome(path, { bearer: token, method: 'HEAD' })).toEqual([200, undefined])
      expect(await outcome(path, {})).toEqual([200, undefined])
    }
  })

  it('case 29: changes nothing: 403', async () => {
    const { vault, writes, token, at } = await createShared()
    for (const [method, path, body] of writes) {
      const answer = await send(path, { method, bearer: token, ...(body && { body }) })
      expect([path, answer.status, await codeOf(answer)]).toEqual([path, 403, 'forbidden'])
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="coffer", error="insufficient_scope"')
    }
    expect(await vault.info()).toMatchObject({ status: 'active', documents: 1, files: 1, events: 0 })
    expect(await outcome(at, { bearer: token })).toEqual([200, undefined])
  })

  it('case 29: does not tell whether there is another vault: 404', async () => {
    const { token } = await createShared()
    const other = await createShared()
    const nowhere = other.at.replace(/\w+$/, 'a'.repeat(22))
    for (const path of other.reads) {
      expect(await outcome(path, { bearer: token })).toEqual([404, 'vault-not-found'])
      expect(await outcome(path.replace(other.at, nowhere), { bearer: token })).toEqual([
        404,
        'vault-not-found',
      ])
    }
    for (const [method, path, body] of other.writes.filter(([, path]) => path.startsWith(other.at))) {
      const init = { method, bearer: token, ...(body && { body }) }
      expect(await outcome(path, init)).toEqual([404, 'vault-not-found'])
    }
  })

  it('case 29: is worth nothing once it has expired: 401', async () => {
    const { reads, writes, token } = await createShared(60)
    server.advance(59_999)
    expect(await outcome(reads[0] ?? '', { bearer: token })).toEqual([200, undefined])
    server.advance(1)
    for (const path of [...reads, ...writes.map(([, path]) => path).filter((path) => path !== '/vaults')]) {
      const method = writes.find(([, written]) => written === path)?.[0] ?? 'GET'
      expect(await outcome(path, { method, bearer: token })).toEqual([401, 'unauthorized'])
    }
  })

  it('case 29: is worth nothing once it is revoked: 401', async () => {
    const { reads, token, id, at } = await createShared()
    expect(await outcome(`${at}/access-token/${id}`, { method: 'DELETE' })).toEqual([204, undefined])
    for (const path of reads) {
      const answer = await send(path, { bearer: token })
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'unauthorized'])
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="coffer", error="invalid_token"')
    }
    expect(await outcome(`${at}/access-token/${id}`, { method: 'DELETE' })).toEqual([
      404,
      'access-token-not-found',
    ])
  })

  it('is no API key for what is not a vault', async () => {
    const { token } = await createShared()
    for (const path of ['/payments', '/webhooks', '/sessions/sess_x']) {
      expect(await outcome(path, { bearer: token })).toEqual([401, 'unauthorized'])
    }
  })

  it('is given out over the API, for an hour by default and a day at most', async () => {
    const { vault, at } = await createShared()
    const issued = await send(`${at}/access-token`, { method: 'POST' })
    expect(issued.status).toBe(201)
    expect(issued.headers.get('cache-control')).toBe('no-store')
    const { token, expiresAt } = await jsonOf<{ token: string; expiresAt: number }>(issued)
    expect(expiresAt).toBe(server.now() + 3_600_000)
    expect(await outcome(at, { bearer: token })).toEqual([200, undefined])
    for (const ttlSeconds of [0, -1, 86_401, 1.5, '60', null]) {
      const refused = await send(`${at}/access-token`, { body: { ttlSeconds } })
      expect([ttlSeconds, refused.status, await codeOf(refused)]).toEqual([ttlSeconds, 400, 'bad-request'])
    }
    expect((await send(`${at}/access-token`, { body: { ttlSeconds: 86_400 } })).status).toBe(201)
    await vault.delete()
    expect(await outcome(at, { bearer: token })).toEqual([404, 'vault-not-found'])
  })
})

describe('a request without a good token', () => {
  it('reads nothing and changes nothing', async () => {
    const { vault, reads, writes, token } = await createShared()
    const forged = [null, 'x', `${token}x`, token.slice(4), 'vat_a.b.c', `vat_${token}`, vault.id]
    for (const bearer of forged) {
      for (const path of reads) expect(await outcome(path, { bearer })).toEqual([401, 'unauthorized'])
      for (const [method, path] of writes) {
        expect(await outcome(path, { method, bearer })).toEqual([401, 'unauthorized'])
      }
    }
    expect(await vault.info()).toMatchObject({ status: 'active', documents: 1, files: 1, events: 0 })
  })
})
