import { getDefaultResultOrder } from 'node:dns'
import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import { createServer, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createAddressGuard } from '../../src/webhooks/address-guard.ts'
import { type PostResult, post } from '../../src/webhooks/post.ts'
import { createSender } from '../../src/webhooks/sender.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const closing: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function receiver(...parameters: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...parameters)
  closing.push(started.close)
  return started
}

/** What the tests allow of this machine: one address for "the Internet", all others are internal. */
const OUTSIDE = '127.0.0.1'
const INSIDE = '127.0.0.2'
const outside = createAddressGuard((address) => address === OUTSIDE)

/** Answers with one list of addresses after the other, and counts. */
function resolver(...answers: readonly (readonly string[])[]) {
  const asked: string[] = []
  return {
    asked,
    async resolve(name: string): Promise<readonly string[]> {
      asked.push(name)
      return answers[Math.min(asked.length, answers.length) - 1] ?? []
    },
  }
}

const toOutside = () => resolver([OUTSIDE]).resolve

function send(
  url: string,
  options: Partial<Parameters<typeof createSender>[0]> = {},
  timeoutMs = 5000,
): Promise<PostResult> {
  const sender = createSender({ guard: outside, resolve: toOutside(), ...options })
  return post(
    sender,
    { url, headers: { 'webhook-id': 'evt_1', 'content-type': 'application/json' }, body: '{"ü":1}' },
    timeoutMs,
  )
}

describe('a post', () => {
  it('arrives as it was written, on a connection of its own', async () => {
    const server = await receiver()
    const url = `http://hooks.example.com:${server.port}/a%20b?c=d&e`
    expect(await send(url)).toEqual({
      status: 200,
      error: null,
      retryAfter: null,
      answer: 'thanks',
    })
    expect(await send(url)).toMatchObject({ status: 200 })
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      url: '/a%20b?c=d&e',
      body: '{"ü":1}',
      headers: {
        host: `hooks.example.com:${server.port}`,
        'webhook-id': 'evt_1',
        'content-type': 'application/json',
        'content-length': '8',
        connection: 'close',
      },
    })
    expect(server.connections()).toBe(2)
  })

  it('over TLS asks for the name, and trusts only a certificate of that name', async () => {
    const before = getCACertificates('default')
    closing.push(() => setDefaultCACertificates(before))
    const server = await receiver(undefined, { name: 'hooks.example.com' })
    const url = `https://hooks.example.com:${server.port}/`
    expect(await send(url)).toMatchObject({ status: null, error: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    setDefaultCACertificates([...before, server.cert])
    expect(await send(url)).toMatchObject({ status: 200 })
    expect(await send(`https://hooks.example.com.:${server.port}/`)).toMatchObject({ status: 200 })
    expect(server.received.map(({ servername }) => servername)).toEqual([
      'hooks.example.com',
      'hooks.example.com',
    ])
    expect(await send(`https://other.example.com:${server.port}/`)).toMatchObject({
      status: null,
      error: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    expect(await send(`https://${OUTSIDE}:${server.port}/`)).toMatchObject({
      status: null,
      error: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    expect(server.received).toHaveLength(2)
  })

  it('does not go through a proxy, even when everything else does', async () => {
    const proxy = await receiver()
    const server = await receiver()
    const before = http.globalAgent
    closing.push(() => {
      http.globalAgent = before
    })
    http.globalAgent = new http.Agent({ proxyEnv: { HTTP_PROXY: `http://${OUTSIDE}:${proxy.port}` } })
    await once(http.get(`http://${OUTSIDE}:${server.port}/`), 'response')
    expect([proxy.connections(), server.connections()]).toEqual([1, 0])
    expect(await send(`http://hooks.example.com:${server.port}/`)).toMatchObject({ status: 200 })
    expect([proxy.connections(), server.connections()]).toEqual([1, 1])
  })

  it('to a host that is not there fails with the code of the system', async () => {
    const server = await receiver()
    await closing.pop()?.()
    expect(await send(`http://hooks.example.com:${server.port}/`)).toMatchObject({
      status: null,
      error: 'ECONNREFUSED',
    })
    const missing = async () =>
      Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }))
    expect(await send('http://nowhere.example.com/', { resolve: missing })).toMatchObject({
      status: null,
      error: 'ENOTFOUND',
    })
  })

  it('is resolved by the system when nobody else does it', async () => {
    const server = await receiver(undefined, {
      host: getDefaultResultOrder() === 'ipv6first' ? '::1' : OUTSIDE,
    })
    const sender = createSender({ guard: createAddressGuard(() => true) })
    const message = { url: `http://localhost:${server.port}/`, headers: {}, body: '' }
    expect(await post(sender, message, 5000)).toMatchObject({ status: 200 })
    expect(await post(createSender({ guard: createAddressGuard() }), message, 5000)).toMatchObject({
      status: null,
    })
    expect(server.connections()).toBe(1)
  })
})

describe('an internal address is never connected to (case 39)', () => {
  it.each([
    'http://127.1',
    'http://127.0.0.1.',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://0',
    'http://[::1]',
    'http://[::ffff:7f00:1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::]',
    'http://localhost',
    'http://localhost.',
    'http://anything.localhost',
  ])('as the host of %s', async (origin) => {
    const servers = [await receiver(undefined, { host: '0.0.0.0' })]
    servers.push(await receiver(undefined, { host: '::1', port: servers[0]?.port ?? 0 }))
    const names = resolver([OUTSIDE])
    const url = `${origin}:${servers[0]?.port}/`
    const strict = createAddressGuard()
    expect(await send(url, { guard: strict, resolve: names.resolve })).toMatchObject({
      status: null,
      error: 'the host is not on the public Internet',
    })
    expect(names.asked).toEqual([])
    expect(servers.map((server) => server.connections())).toEqual([0, 0])
  })

  it.each([
    [[INSIDE]],
    [[OUTSIDE, INSIDE]],
    [[INSIDE, OUTSIDE]],
    [['::1']],
    [['::ffff:127.0.0.2']],
    [['fe80::1%lo']],
    [['localhost']],
    [['']],
  ])('behind a name that resolves to %j', async (addresses) => {
    const inside = await receiver(undefined, { host: INSIDE })
    const result = await send(`http://hooks.example.com:${inside.port}/`, { resolve: async () => addresses })
    expect(result).toMatchObject({ status: null, error: 'the host has an address that is not public' })
    expect(inside.connections()).toBe(0)
  })

  it('behind a name that resolves to nothing', async () => {
    expect(await send('http://hooks.example.com/', { resolve: async () => [] })).toMatchObject({
      status: null,
      error: 'the host has no address',
    })
  })

  it('when the name is bound to another after it was checked', async () => {
    const open = await receiver(undefined, { host: OUTSIDE })
    const inside = await receiver(undefined, { host: INSIDE, port: open.port })
    const rebinding = resolver([OUTSIDE], [INSIDE])
    const url = `http://hooks.example.com:${open.port}/`
    expect(await send(url, { resolve: rebinding.resolve })).toMatchObject({ status: 200 })
    expect(rebinding.asked).toEqual(['hooks.example.com'])
    expect([open.connections(), inside.connections()]).toEqual([1, 0])
    expect(await send(url, { resolve: rebinding.resolve })).toMatchObject({ status: null })
    expect([open.connections(), inside.connections()]).toEqual([1, 0])
  })

  it.each([301, 302, 303, 307, 308])('by a redirect, %i', async (status) => {
    const inside = await receiver(undefined, { host: INSIDE })
    const open = await receiver((_, response) => {
      response.writeHead(status, { location: `http://${INSIDE}:${inside.port}/` }).end()
    })
    expect(await send(`http://hooks.example.com:${open.port}/`)).toMatchObject({ status })
    expect([open.received.length, inside.connections()]).toEqual([1, 0])
  })
})

describe('an answer', () => {
  it('is read to 64 KiB, kept to 1 KiB, and its status counts', async () => {
    let written = 0
    let closed = (_: unknown): void => {}
    const end = new Promise((resolve) => {
      closed = resolve
    })
    const server = await receiver((_, response) => {
      response.on('close', closed)
      const more = (): void => {
        if (response.destroyed) return
        written += 65_536
        response.write('x'.repeat(65_536), more)
      }
      more()
    })
    expect(await send(`http://hooks.example.com:${server.port}/`)).toEqual({
      status: 200,
      error: null,
      retryAfter: null,
      answer: 'x'.repeat(1024),
    })
    await end
    expect(written).toBeLessThan(50_000_000)
  })

  it('that never comes is a time-out, and ends the connection', async () => {
    let hungUp = (_: unknown): void => {}
    const end = new Promise((resolve) => {
      hungUp = resolve
    })
    const server = await receiver((request) => void request.socket.on('close', hungUp))
    expect(await send(`http://hooks.example.com:${server.port}/`, {}, 200)).toMatchObject({
      status: null,
      error: 'no answer within 200 ms',
    })
    await end
    const stuck = async () => new Promise<never>(() => {})
    expect(await send('http://hooks.example.com/', { resolve: stuck }, 100)).toMatchObject({
      status: null,
      error: 'no answer within 100 ms',
    })
  })

  it('that nobody reads may break off without ending the process', async () => {
    const server = await receiver((_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half', () => response.destroy())
    })
    const url = `http://hooks.example.com:${server.port}/`
    const sender = createSender({ guard: outside, resolve: toOutside() })
    const { body } = await sender({ url, headers: {}, body: '', signal: AbortSignal.timeout(5000) })
    if (!(body instanceof EventEmitter)) throw new Error('the body is no stream of Node')
    await new Promise((resolve) => body.on('close', resolve))
  })

  it('that starts and stalls counts by its status', async () => {
    const server = await receiver((_, response) => void response.writeHead(202).write('on my way'))
    expect(await send(`http://hooks.example.com:${server.port}/`, {}, 300)).toEqual({
      status: 202,
      error: null,
      retryAfter: null,
      answer: 'on my way',
    })
  })

  it('that breaks off counts by its status', async () => {
    const server = await receiver((_, response) => {
      response.writeHead(200, { 'content-length': 100, 'retry-after': '7' })
      response.write('half', () => response.destroy())
    })
    expect(await send(`http://hooks.example.com:${server.port}/`)).toEqual({
      status: 200,
      error: null,
      retryAfter: '7',
      answer: 'half',
    })
  })

  it.each([
    ['nothing at all', ''],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}\r\n`],
  ])('that is %s is none', async (_, bytes) => {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      socket.once('data', () => socket.end(bytes))
    })
    server.listen(0, OUTSIDE)
    await once(server, 'listening')
    closing.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    expect(await send(`http://hooks.example.com:${port}/`)).toMatchObject({
      status: null,
      error: expect.not.stringContaining('within'),
    })
  })
})
