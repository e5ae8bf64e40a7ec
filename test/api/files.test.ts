import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { FileStub } from '../../src/vaults/files.ts'
import { dial, exchange } from '../adapters/server.ts'
import { codeOf } from '../gate/scripted.ts'
import { jsonOf, KEY } from './operator.ts'
import { serveVaults } from './vault-server.ts'

const server = await serveVaults()
afterAll(() => server.close())
const { send, createVault } = server

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bytesOf = async (answer: Response): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await answer.arrayBuffer())
/** Bytes that repeat only after a long while. */
const noise = (size: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff)

const pathOf = async (): Promise<string> => `/vaults/${(await createVault()).id}/files`

/** A form as browsers write it. */
function formOf(body: Uint8Array<ArrayBuffer>, name: string, type = ''): FormData {
  const form = new FormData()
  form.append('file', new File([body], name, { type }))
  return form
}

describe('a file', () => {
  const bytes = noise(700_001)
  const headers = { 'content-type': 'Image/PNG' }
  it.each<[string, string, () => Parameters<typeof send>[1]]>([
    ['a body', '?name=a.png', () => ({ body: bytes, headers })],
    ['a body of unknown size', '?name=a.png', () => ({ body: new Blob([bytes]).stream(), headers })],
    ['a form', '', () => ({ body: formOf(bytes, 'a.png', 'image/png') })],
    ['a form that calls it something else', '?name=a.png', () => ({ body: formOf(bytes, 'b', 'image/png') })],
  ])('comes as %s', async (_, query, init) => {
    const at = await pathOf()
    const added = await send(at + query, init())
    expect(added.status).toBe(201)
    const file = await jsonOf<Record<string, unknown>>(added)
    expect(file).toEqual({
      id: expect.stringMatching(/^fil_/),
      name: 'a.png',
      mimeType: 'image/png',
      size: bytes.length,
      sha256: sha256(bytes),
      createdAt: server.now(),
    })
    const download = await send(`${at}/${file['id']}`)
    expect(sha256(await bytesOf(download))).toBe(file['sha256'])
    expect(download.headers.get('content-length')).toBe(String(bytes.length))
    expect(download.headers.get('content-type')).toBe('image/png')
  })

  it('is called file, and of no known type, when nobody says otherwise', async () => {
    const at = await pathOf()
    const unknown = { name: 'file', mimeType: 'application/octet-stream' }
    const plain = await exchange(server.port, [
      `POST ${at} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${KEY}`,
      'Content-Length: 0',
    ])
    expect(plain).toMatch(/^HTTP\/1.1 201/)
    expect(plain).toContain('"name":"file","mimeType":"application/octet-stream","size":0')
    const form = `--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--`
    const sent = await send(at, {
      body: form,
      headers: { 'content-type': 'multipart/form-data; boundary="b"' },
    })
    expect(await jsonOf(sent)).toMatchObject({ ...unknown, size: 1 })
  })

  it('is deleted, also when the vault is sealed', async () => {
    const vault = await createVault()
    const at = `/vaults/${vault.id}/files`
    const { id } = await jsonOf<FileStub>(await send(at, { body: 'x' }))
    await vault.seal()
    expect((await send(`${at}/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await jsonOf(await send(`/vaults/${vault.id}`))).toMatchObject({ status: 'sealed', files: [] })
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      expect((await send(`${at}/${id}`, { method })).status).toBe(404)
    }
  })

  const part = (lines: string, body = 'x') => `--b\r\n${lines}\r\n\r\n${body}\r\n--b--`
  it.each<[string, string, string]>([
    ['a form without a boundary', 'multipart/form-data', part('Content-Disposition: form-data; name="file"')],
    [
      'a form with another boundary',
      'multipart/form-data; boundary=c',
      part('Content-Disposition: form-data; name="file"'),
    ],
    [
      'a form with another field',
      'multipart/form-data; boundary=b',
      part('Content-Disposition: form-data; name="text"'),
    ],
    [
      'a form that is cut off',
      'multipart/form-data; boundary=b',
      part('Content-Disposition: form-data; name="file"').slice(0, -3),
    ],
    [
      'a form of two parts',
      'multipart/form-data; boundary=b',
      part('Content-Disposition: form-data; name="file"', 'x\r\n--b\r\n'),
    ],
    ['no form at all', 'multipart/form-data; boundary=b', ''],
    [
      'a part of no type',
      'multipart/form-data; boundary=b',
      part('Content-Disposition: form-data; name="file"\r\nContent-Type: png'),
    ],
    ['a body of no type', 'png', 'x'],
    [
      'a body of a broken form',
      'multipart/form-data; boundary',
      part('Content-Disposition: form-data; name="file"'),
    ],
  ])('is not made of %s', async (_, type, body) => {
    const vault = await createVault()
    const answer = await send(`/vaults/${vault.id}/files`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    })
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'bad-request'])
    expect(await vault.info()).toMatchObject({ files: 0, bytes: 0 })
    expect((await server.coffer.vaults?.usage())?.storageBytes).toBeTypeOf('number')
  })

  it('is not asked for by a member that the route does not know', async () => {
    const answer = await send(`${await pathOf()}?filename=a.txt`, { body: 'x' })
    expect([answer.status, (await jsonOf(answer))['expected']]).toEqual([400, 'no "filename"'])
  })

  it('that comes from a path of no vault is not read', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    })
    const answer = await send(`/vaults/vlt_${'x'.repeat(22)}/files`, { body })
    expect([answer.status, await codeOf(answer)]).toEqual([404, 'vault-not-found'])
  })
})

describe('a name', () => {
  const names = [
    '../x',
    '%2e%2e/',
    '..\\x',
    '/etc/passwd',
    'C:\\x',
    'CON',
    'a\0b',
    'é'.repeat(300),
    '.',
    '..',
    '',
  ]

  it('case 30: is data, wherever it stands: nothing outside of the root is touched', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coffer-names-'))
    const root = join(folder, 'deep', 'root')
    const outside = join(folder, 'outside')
    mkdirSync(root, { recursive: true })
    writeFileSync(outside, 'not ours')
    symlinkSync(outside, join(root, 'x'))
    symlinkSync(folder, join(root, 'CON'))
    const own = await serveVaults({ blobs: root })
    const at = `/vaults/${(await own.createVault()).id}/files`

    let added = 0
    for (const name of names) {
      const forms = [
        own.send(`${at}?name=${encodeURIComponent(name)}`, { body: 'hello' }),
        own.send(at, { body: formOf(new TextEncoder().encode('hello'), name) }),
      ]
      for (const sent of await Promise.all(forms)) {
        // A line of a form cannot carry a NUL; a query can.
        if (sent.status !== 201) expect([sent.status, name]).toEqual([400, 'a\0b'])
        if (sent.status !== 201) continue
        added++
        const file = await jsonOf<FileStub>(sent)
        expect(file.name).not.toMatch(/[\0\r\n]/)
        expect(file.name.length).toBeLessThanOrEqual(255)
        const answer = await own.send(`${at}/${file.id}`)
        expect(await answer.text()).toBe('hello')
        expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="[^"\\/]*"(?:; |$)/)
        expect((await own.send(`${at}/${encodeURIComponent(name)}`)).status).not.toBe(200)
      }
    }
    expect(added).toBe(2 * names.length - 1)

    // As paths, too: neither files nor vaults are looked for under them.
    const paths = [
      '../../outside',
      '..%2f..%2foutside',
      '%2e%2e/%2e%2e/outside',
      'x',
      'CON',
      'CON/outside',
      'a%00b',
      '%',
      '%ff',
      '',
    ]
    for (const target of [
      ...paths.map((path) => `${at}/${path}`),
      ...paths.map((path) => `/vaults/${path}`),
    ]) {
      for (const method of ['GET', 'DELETE']) {
        const head = [`${method} ${target} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${KEY}`]
        const answer = await exchange(own.port, head)
        expect([target, answer.slice(9, 12)]).toEqual([target, expect.stringMatching(/^40[045]$/)])
        expect(answer).not.toContain('not ours')
      }
    }
    expect(own.failures).toEqual([])
    expect(readdirSync(folder).sort()).toEqual(['deep', 'outside'])
    expect(readdirSync(join(folder, 'deep'))).toEqual(['root'])
    expect(readFileSync(outside, 'utf8')).toBe('not ours')
    const blobs = readdirSync(root).filter((name) => !['x', 'CON'].includes(name))
    expect(blobs).toHaveLength(added)
    for (const blob of blobs) expect(blob).toMatch(/^[0-9a-f]{32}$/)
    await own.close()
    rmSync(folder, { recursive: true })
  })

  it('comes back as it was, for programs in the record and for browsers in the field', async () => {
    const at = await pathOf()
    const name = 'Rechnung "Müller" 100% ☂.pdf'
    const file = await jsonOf<FileStub>(await send(at, { body: formOf(noise(1), name) }))
    expect(file.name).toBe(name)
    expect((await send(`${at}/${file.id}`)).headers.get('content-disposition')).toBe(
      `attachment; filename="Rechnung _M_ller_ 100_ _.pdf"; filename*=UTF-8''${encodeURIComponent(name)}`,
    )
  })
})

describe('a download', () => {
  it.each([
    ['text/html; charset=utf-8', '<script>alert(1)</script>'],
    ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
    ['application/pdf', '%PDF-1.4'],
  ])('case 31: of %s is saved, and never is a page of this origin', async (type, body) => {
    const at = await pathOf()
    const { id } = await jsonOf<FileStub>(await send(at, { body, headers: { 'content-type': type } }))
    const asked: Parameters<typeof send>[1][] = [{}, { method: 'HEAD' }, { headers: { range: 'bytes=1-3' } }]
    for (const init of asked) {
      const { headers } = await send(`${at}/${id}`, init)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': type,
        'content-disposition': 'attachment; filename="file"',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'private, no-cache',
      })
    }
  })

  const bytes = noise(1000)
  const download = { at: '', etag: '' }
  const ask = (headers: Record<string, string>, method = 'GET') => send(download.at, { method, headers })
  it('is of a file', async () => {
    const at = await pathOf()
    const { id } = await jsonOf<FileStub>(await send(at, { body: bytes }))
    download.at = `${at}/${id}`
    download.etag = `"${sha256(bytes)}"`
    const answer = await ask({})
    expect(answer.headers.get('etag')).toBe(download.etag)
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
    expect(answer.headers.get('access-control-expose-headers')).toMatch(
      /^Content-Disposition, Content-Range, ETag/,
    )
    expect(await bytesOf(answer)).toEqual(bytes)
  })

  it.each<[string, number, number]>([
    ['bytes=0-0', 0, 0],
    ['bytes=0-499', 0, 499],
    ['bytes=500-', 500, 999],
    ['bytes=-1', 999, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=999-5000', 999, 999],
  ])('case 32: of %s is that part', async (range, start, end) => {
    const answer = await ask({ range })
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/1000`)
    expect(answer.headers.get('content-length')).toBe(String(end - start + 1))
    expect(await bytesOf(answer)).toEqual(bytes.slice(start, end + 1))
  })

  it.each([
    'bytes=5-2',
    'bytes=1000-',
    'bytes=1000-2000',
    'bytes=-0',
    'bytes=x-y',
    `bytes=${'9'.repeat(400)}-`,
  ])('case 32: of %s is refused', async (range) => {
    const answer = await ask({ range })
    expect([answer.status, await codeOf(answer)]).toEqual([416, 'range-not-satisfiable'])
    expect(answer.headers.get('content-range')).toBe('bytes */1000')
  })

  const many = Array.from({ length: 1000 }, (_, n) => `${n}-${n}`).join(',')
  it.each([
    ['a thousand ranges', `bytes=${many}`],
    ['two ranges', 'bytes=0-1,5-6'],
    ['another unit', 'pages=1-2'],
  ])('case 32: of %s is whole', async (_, range) => {
    const answer = await ask({ range })
    expect(answer.status).toBe(200)
    expect(await bytesOf(answer)).toEqual(bytes)
  })

  it('goes on with a part only for who has the rest of the same file', async () => {
    const range = 'bytes=0-4'
    expect((await ask({ range, 'if-range': download.etag })).status).toBe(206)
    for (const other of ['"x"', `W/${download.etag}`, 'Tue, 01 Jan 2030 00:00:00 GMT', '*']) {
      const answer = await ask({ range, 'if-range': other })
      expect([other, answer.status]).toEqual([other, 200])
      expect(await bytesOf(answer)).toEqual(bytes)
    }
  })

  it('has nothing in it for who has the file', async () => {
    const { etag } = download
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, `"x",W/${etag} ,"y"`, '*']) {
      for (const [method, range] of [['GET'], ['HEAD'], ['GET', 'bytes=5-2']]) {
        const answer = await ask({ 'if-none-match': tags, ...(range && { range }) }, method)
        expect([tags, answer.status, answer.headers.get('etag')]).toEqual([tags, 304, etag])
        expect(await answer.text()).toBe('')
      }
    }
    for (const tags of ['"x"', sha256(bytes), '""', `"x${etag}"`]) {
      expect([tags, (await ask({ 'if-none-match': tags })).status]).toEqual([tags, 200])
    }
  })

  it('is described by HEAD, which knows no ranges', async () => {
    const answer = await ask({ range: 'bytes=0-4' }, 'HEAD')
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '1000'])
    expect((await ask({ range: 'bytes=5-2' }, 'HEAD')).status).toBe(200)
  })

  it('of an empty file is empty', async () => {
    const at = await pathOf()
    const { id } = await jsonOf<FileStub>(await send(at, { body: '' }))
    const answer = await send(`${at}/${id}`)
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', ''])
    expect((await send(`${at}/${id}`, { headers: { range: 'bytes=0-' } })).status).toBe(416)
  })

  it('that its client breaks off leaves the server well', async () => {
    const at = await pathOf()
    const { id } = await jsonOf<FileStub>(await send(at, { body: noise(5_000_000) }))
    const gone = new AbortController()
    const answer = await send(`${at}/${id}`, { signal: gone.signal })
    await answer.body?.getReader().read()
    gone.abort()
    expect(sha256(await bytesOf(await send(`${at}/${id}`)))).toBe(sha256(noise(5_000_000)))
    expect(server.failures).toEqual([])
  })
})

describe('storage', () => {
  it('case 33: of two uploads at once that do not both fit, one is refused, and the other counts exactly', async () => {
    const own = await serveVaults({ limits: { storageBytes: 1_000_000 } })
    const at = `/vaults/${(await own.createVault()).id}/files`
    const uploads: [string, () => Parameters<typeof send>[1]][] = [
      ['of known size', () => ({ body: noise(600_000) })],
      ['of unknown size', () => ({ body: new Blob([noise(600_000)]).stream() })],
      ['in forms', () => ({ body: formOf(noise(600_000), 'a') })],
    ]
    for (const [, init] of uploads) {
      const answers = await Promise.all([own.send(at, init()), own.send(at, init())])
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 429])
      for (const answer of answers) {
        if (answer.status === 429) expect(await codeOf(answer)).toBe('storage-quota-exceeded')
      }
      const quota = await jsonOf<{ usage: object }>(await own.send('/vaults/quota'))
      expect(quota.usage).toMatchObject({ storageBytes: 600_000 })
      const { id } = await jsonOf<FileStub>(answers.find(({ status }) => status === 201) ?? Response.json({}))
      expect((await own.send(`${at}/${id}`, { method: 'DELETE' })).status).toBe(204)
    }
    await own.work()
    expect(readdirSync(join(own.folder, 'blobs'))).toEqual([])
    await own.close()
  })

  it.each(['body', 'form'])('case 33: holds nothing of an upload that breaks off: %s', async (kind) => {
    const own = await serveVaults({ limits: { storageBytes: 1_000_000 } })
    const vault = await own.createVault()
    const blobs = join(own.folder, 'blobs')
    const socket = await dial(own.port)
    socket.write(
      [
        `POST /vaults/${vault.id}/files HTTP/1.1`,
        'Host: 127.0.0.1',
        `Authorization: Bearer ${KEY}`,
        'Content-Length: 900000',
        `Content-Type: ${kind === 'form' ? 'multipart/form-data; boundary=b' : 'text/plain'}`,
        '',
        kind === 'form' ? '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' : '',
      ].join('\r\n') + 'x'.repeat(500_000),
    )
    await expect.poll(() => readdirSync(blobs).length, POLL).toBe(1)
    const listed = await jsonOf(await own.send(`/vaults/${vault.id}`))
    expect(listed).toMatchObject({ files: [], bytes: 0 })
    socket.destroy()
    await expect.poll(() => readdirSync(blobs), POLL).toEqual([])
    // All of the room is there again.
    const whole = await own.send(`/vaults/${vault.id}/files`, { body: noise(1_000_000) })
    expect(whole.status).toBe(201)
    expect(await vault.info()).toMatchObject({ files: 1, bytes: 1_000_000 })
    expect(own.failures).toEqual([])
    await own.close()
  })

  it('takes no file that is too large, and tells before it is sent when it can', async () => {
    const own = await serveVaults({ limits: { fileBytes: 1000 } })
    const at = `/vaults/${(await own.createVault()).id}/files`
    for (const body of [noise(1001), new Blob([noise(1001)]).stream(), formOf(noise(1001), 'a')]) {
      const answer = await own.send(at, { body })
      expect([answer.status, await codeOf(answer)]).toEqual([413, 'file-too-large'])
    }
    const early = await exchange(own.port, [
      `POST ${at} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${KEY}`,
      'Content-Length: 1001',
    ])
    expect(early).toMatch(/^HTTP\/1.1 413 /)
    for (const body of [noise(1000), formOf(noise(1000), 'a')]) {
      expect((await own.send(at, { body })).status).toBe(201)
    }
    await own.close()
  })
})

const POLL = { timeout: 20_000 }
