import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type NodeRequest, toHead, toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { dial, exchange, listen } from './server.ts'

type Listener = (req: NodeRequest, res: ServerResponse) => unknown

/** Serves with a listener, to a client that `use` is. */
async function serving(listener: Listener, use: (port: number, url: string) => Promise<void>): Promise<void> {
  const { port, url, close } = await listen(listener)
  await use(port, url).finally(close)
}

/** What a request looks like on the Web: its URL and fields as JSON, or the 400. */
const describing: Listener = (req, res) => {
  const request = toRequest(req, res)
  if (request instanceof Response) return sendResponse(request, res)
  const { method, url } = request
  return sendResponse(Response.json({ method, url, headers: [...request.headers] }), res)
}

async function described(port: number, ...lines: string[]): Promise<unknown> {
  const answer = await exchange(port, lines)
  if (!answer.startsWith('HTTP/1.1 200')) return Number(answer.split(' ')[1])
  return JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '')
}

describe('toRequest', () => {
  it.each([
    ['GET /a?b=c HTTP/1.1', 'Host: api.test', 'http://api.test/a?b=c'],
    ['GET /a HTTP/1.1', 'Host: api.test:8080', 'http://api.test:8080/a'],
    ['GET /a HTTP/1.1', 'Host: [::1]:80', 'http://[::1]/a'],
    ['GET //evil.test/a HTTP/1.1', 'Host: api.test', 'http://api.test//evil.test/a'],
    ['GET /http://evil.test/ HTTP/1.1', 'Host: api.test', 'http://api.test/http://evil.test/'],
    ['GET http://other.test/a HTTP/1.1', 'Host: api.test', 'http://other.test/a'],
  ])('%s with %s is %s', (line, host, url) =>
    serving(describing, async (port) => {
      expect(await described(port, line, host)).toMatchObject({ method: 'GET', url })
    }),
  )

  it.each([
    ['a Host with a path', 'GET /a HTTP/1.1', 'Host: api.test/b'],
    ['a Host with a user', 'GET /a HTTP/1.1', 'Host: me@api.test'],
    ['a Host with a query', 'GET /a HTTP/1.1', 'Host: api.test?b'],
    ['an empty Host', 'GET /a HTTP/1.1', 'Host:'],
    ['a Host that is no address', 'GET /a HTTP/1.1', 'Host: 1.2.3.999'],
    ['a port past the last', 'GET /a HTTP/1.1', 'Host: api.test:65536'],
    ['two Hosts', 'GET /a HTTP/1.1', 'Host: api.test\r\nHost: evil.test'],
    ['a target that is no path', 'OPTIONS * HTTP/1.1', 'Host: api.test'],
    ['another scheme', 'GET ftp://api.test/ HTTP/1.1', 'Host: api.test'],
    ['a user in the target', 'GET http://me@api.test/ HTTP/1.1', 'Host: api.test'],
    ['a method that the Web forbids', 'TRACE /a HTTP/1.1', 'Host: api.test'],
    ['no Host in HTTP/1.0', 'GET /a HTTP/1.0', 'Accept: */*'],
  ])('%s is answered 400', (_, line, host) =>
    serving(describing, async (port) => {
      expect(await described(port, line, host)).toBe(400)
    }),
  )

  it('never throws, and never leaves the host, whatever Host and target are', () =>
    serving(describing, async (port) => {
      const text = fc.string({ unit: fc.constantFrom(...'/:@?#[]\\%.ab1 *\u00e9'), maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(text, text, async (host, target) => {
          const seen = await described(port, `GET /${target} HTTP/1.1`, `Host: ${host}`)
          if (seen === 400) return
          const url = new URL((seen as { url: string }).url)
          expect(url.host).toBe(new URL(`http://${host.trim()}`).host)
          expect([url.username, url.password]).toEqual(['', ''])
        }),
        { numRuns: 300 },
      )
    }))

  it('keeps every field, joining those that came more than once', () =>
    serving(describing, async (port) => {
      const lines = [
        'Authorization: Payment a',
        'Authorization: Payment b',
        'Cookie: c=1',
        'Cookie: d=2',
        'X: \xe9',
      ]
      const { headers } = (await described(port, 'GET / HTTP/1.1', 'Host: h', ...lines)) as {
        headers: string[][]
      }
      expect(headers).toEqual([
        ['authorization', 'Payment a, Payment b'],
        ['connection', 'close'],
        ['cookie', 'c=1; d=2'],
        ['host', 'h'],
        ['x', '\xe9'],
      ])
    }))

  it('leaves a body that nobody reads where it is', async () => {
    const read: string[] = []
    await serving(
      async (req, res) => {
        toRequest(req, res)
        for await (const chunk of req.setEncoding('utf8')) read.push(chunk)
        res.end()
      },
      async (_, url) => {
        await fetch(url, { method: 'POST', body: 'hello' })
        expect(read.join('')).toBe('hello')
      },
    )
  })

  it('fails the body of a client that goes away in the middle of it, and aborts the signal', async () => {
    const ends = Promise.withResolvers<unknown[]>()
    await serving(
      async (req, res) => {
        const request = toRequest(req, res) as Request
        const aborted = once(request.signal, 'abort').then(() => 'aborted')
        res.writeContinue()
        const failed = request.text().then(String, () => 'failed')
        ends.resolve(Promise.all([failed, aborted]))
      },
      async (port) => {
        const client = await dial(port)
        client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhell')
        await once(client, 'data')
        client.destroy()
        expect(await ends.promise).toEqual(['failed', 'aborted'])
      },
    )
  })

  it('does not abort the signal of a request that was answered', async () => {
    const signals: AbortSignal[] = []
    await serving(
      (req, res) => {
        signals.push((toRequest(req, res) as Request).signal)
        res.end()
      },
      async (port) => {
        await exchange(port, ['GET / HTTP/1.1', 'Host: h'])
        expect(signals.map((signal) => signal.aborted)).toEqual([false])
      },
    )
  })
})

describe('toHead', () => {
  const unit = fc.constantFrom(
    ...'aZ09.:-_~/?#@[]%\\ ,',
    '\t',
    '\u00e9',
    '//',
    '1.2.3.',
    '::',
    'xn--',
    ':65535',
  )
  const mess = fc.string({ unit, maxLength: 8 })
  const host = fc.oneof(
    mess,
    mess.map((text) => `api.test${text}`),
    mess.map((text) => `[${text}]`),
  )
  const target = fc.oneof(
    mess,
    mess.map((text) => `/${text}`),
    mess.map((text) => `http://${text}`),
  )

  it('knows of every request whether it has a URL, which is then that of its Request', () => {
    fc.assert(
      fc.property(host, target, (host, url) => {
        const req = { method: 'GET', url, rawHeaders: ['Host', host], headers: {}, socket: {} }
        const head = toHead(req as unknown as NodeRequest, {} as ServerResponse)
        const isAbsolute = url.startsWith('http://')
        const expected = URL.parse(isAbsolute ? url : `http://${host}${url}`)
        if ('status' in head) return
        expect(head.url.href).toBe(expected?.href)
        expect([head.url.username, head.url.password]).toEqual(['', ''])
        if (!isAbsolute) expect(head.url.host).toBe(new URL(`http://${host}`).host)
      }),
      { numRuns: 5000 },
    )
  })

  it('joins fields of one name, whatever its case', () => {
    const rawHeaders = ['Host', 'h', 'X-A', '1', 'x-b', '2', 'x-a', '3']
    const req = { url: '/', rawHeaders, socket: {} } as unknown as NodeRequest
    const head = toHead(req, {} as ServerResponse)
    if ('status' in head) throw new Error('no head')
    expect(['x-a', 'X-B', 'x-c'].map((name) => head.headers.get(name))).toEqual(['1, 3', '2', null])
  })
})

describe('a request that no server has read', () => {
  it('has the fields that it was given: so serverless-http makes them', async () => {
    const req = new IncomingMessage(new Socket())
    const headers = { host: 'h', 'X-Scripted': 'a', cookie: 'c=1' }
    Object.assign(req, { method: 'GET', url: '/report', headers })
    const head = toHead(req, new ServerResponse(req))
    if ('status' in head) throw new Error(`answered ${head.status}`)
    expect([head.url.href, head.headers.get('x-scripted')]).toEqual(['http://h/report', 'a'])
    expect([...head.toRequest().headers]).toEqual([
      ['cookie', 'c=1'],
      ['host', 'h'],
      ['x-scripted', 'a'],
    ])
  })
})

describe('restoreBody', () => {
  it('gives back what was read, however it came, and then the end', async () => {
    await serving(
      async (req, res) => {
        const head = toHead(req, res)
        if ('status' in head) throw new Error('no head')
        await new Promise(setImmediate)
        await head.toRequest().clone().bytes()
        await new Promise(setImmediate)
        head.restoreBody()
        let text = ''
        for await (const chunk of req.setEncoding('utf8')) text += chunk
        res.end(text)
      },
      async (port, url) => {
        for (const body of ['', 'h', 'hello'.repeat(100_000)]) {
          expect(await (await fetch(url, { method: 'POST', body })).text()).toBe(body)
        }
        const chunked = ['POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked']
        const client = await dial(port)
        client.write([...chunked, 'Connection: close', '', '3', 'hel', ''].join('\r\n'))
        client.write(['2', 'lo', '0', '', ''].join('\r\n'))
        let answer = ''
        for await (const chunk of client.setEncoding('latin1')) answer += chunk
        expect(answer).toMatch(/\r\n\r\nhello$/)
      },
    )
  })
})

/** Until the server writes to a full socket: nothing more is made in a while of turns. */
async function standsStill(made: () => number): Promise<void> {
  for (let before = -1, turns = 0; turns < 200; turns = before === made() ? turns + 1 : 0, before = made()) {
    await new Promise(setImmediate)
  }
}

describe('sendResponse', () => {
  it('sends status, reason and fields, and several Set-Cookie apart from those that are there', () =>
    serving(
      (_, res) => {
        res.setHeader('set-cookie', 'a=1')
        res.setHeader('x-own', 'replaced')
        const headers = new Headers({ 'x-own': 'yes', vary: 'Accept' })
        headers.append('set-cookie', 'b=2')
        headers.append('set-cookie', 'c=3')
        return sendResponse(new Response('hello', { status: 201, statusText: 'Made', headers }), res)
      },
      async (_, url) => {
        const answer = await fetch(url)
        expect([answer.status, answer.statusText]).toEqual([201, 'Made'])
        expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2', 'c=3'])
        expect(answer.headers.get('x-own')).toBe('yes')
        expect(await answer.text()).toBe('hello')
      },
    ))

  it('takes no more of a body than the client reads, and cancels it when the client goes away', async () => {
    const cancelled = Promise.withResolvers<unknown>()
    let made = 0
    const body = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull(controller) {
          made += 65_536
          controller.enqueue(new Uint8Array(65_536))
        },
        cancel: cancelled.resolve,
      })
    await serving(
      (_, res) => sendResponse(new Response(body()), res),
      async (port) => {
        const client = await dial(port)
        client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        await once(client, 'readable')
        await standsStill(() => made)
        expect(made).toBeLessThan(32 * 2 ** 20)
        client.destroy()
        await cancelled.promise
      },
    )
  })

  it('cuts the connection and rejects when the body fails', async () => {
    const failure = new Error('the source failed')
    const outcome = Promise.withResolvers<unknown>()
    await serving(
      (_, res) => {
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(Buffer.from('hel')),
          pull: () => Promise.reject(failure),
        })
        sendResponse(new Response(body), res).catch(outcome.resolve)
      },
      async (_, url) => {
        await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow()
        expect(await outcome.promise).toBe(failure)
      },
    )
  })

  it('cuts the connection, and rejects not, when the body gives up a client that takes nothing', async () => {
    const outcome = Promise.withResolvers<void>()
    let made = 0
    let giveUp = (): void => {}
    await serving(
      (_, res) => {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            giveUp = () => controller.error(new DOMException('The client takes nothing.', 'AbortError'))
          },
          pull(controller) {
            made++
            controller.enqueue(new Uint8Array(65_536))
          },
        })
        outcome.resolve(sendResponse(new Response(body), res))
      },
      async (port) => {
        const client = await dial(port)
        client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        await once(client, 'readable')
        await standsStill(() => made)
        giveUp()
        await outcome.promise
        const closed = once(client, 'close')
        client.on('error', () => {}).resume()
        await closed
      },
    )
  })

  it('reads a body slowly without letting more and more of it in', async () => {
    const read = Promise.withResolvers<readonly [sizes: number[], before: number, after: number]>()
    const sent = 5_000_000
    await serving(
      async (req, res) => {
        const before = req.readableHighWaterMark
        const sizes: number[] = []
        const { body } = toRequest(req, res) as Request
        for await (const chunk of body ?? []) {
          sizes.push(chunk.length)
          // All that may come has come.
          await standsStill(() => req.readableLength)
        }
        read.resolve([sizes, before, req.readableHighWaterMark])
        await sendResponse(new Response(), res)
      },
      async (_, url) => {
        await fetch(url, { method: 'POST', body: new Uint8Array(sent) })
      },
    )
    const [sizes, before, after] = await read.promise
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(sent)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(before)
    expect(after).toBe(before)
  })

  it('leaves a connection for the next request when a body was read in part', async () => {
    await serving(
      async (req, res) => {
        const { body } = toRequest(req, res) as Request
        const reader = body?.getReader()
        await reader?.read()
        // Whoever reads ahead is waiting for more when the answer is decided.
        reader?.read().catch(() => {})
        await reader?.cancel()
        await sendResponse(new Response('enough', { status: 413 }), res)
      },
      async (port) => {
        const client = (await dial(port)).setEncoding('utf8')
        const rest = 'x'.repeat(2_000_000)
        for (let turn = 0; turn < 3; turn++) {
          client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${rest.length + 4}\r\n\r\nbody`)
          let answer = ''
          while (!answer.includes('enough')) answer += (await once(client, 'data'))[0]
          expect(answer).toMatch(/^HTTP\/1.1 413 /)
          client.write(rest)
        }
        client.destroy()
      },
    )
  })

  it('has nothing to say to a client that is gone', async () => {
    const sent = Promise.withResolvers<void>()
    const cancelled = Promise.withResolvers<unknown>()
    await serving(
      async (_, res) => {
        res.writeContinue()
        await once(res, 'close')
        sent.resolve(sendResponse(new Response(new ReadableStream({ cancel: cancelled.resolve })), res))
      },
      async (port) => {
        const client = await dial(port)
        client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        await once(client, 'data')
        client.destroy()
        await sent.promise
        await cancelled.promise
      },
    )
  })
})
