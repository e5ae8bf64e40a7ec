import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { VaultEvent } from '../../src/client/vault-event.ts'
import { type VaultEventsOptions, vaultEvents } from '../../src/client/vault-events.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import { formatRetry, formatStreamEvent, HEARTBEAT } from '../../src/lib/sse.ts'
import type { VaultEvent as ServerEvent } from '../../src/vaults/vault-event.ts'

const VAULT = 'https://api.test/coffer/vaults/vlt_1'

const id = (number: number): string => `evt_abc${String(number).padStart(12, '0')}`

function event(number: number, type = 'step'): VaultEvent {
  return {
    type,
    payload: { number },
    eventId: id(number),
    vaultId: 'vlt_1',
    timestamp: '2030-01-01T00:00:00.000Z',
  }
}

const text = (number: number, type?: string): string =>
  formatStreamEvent({ id: id(number), data: JSON.stringify(event(number, type)) })

/** A stream that says something and then ends, breaks, or stays open. */
function stream(pieces: readonly string[], end: 'ends' | 'breaks' | 'stays' = 'ends'): Response {
  let at = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[at++]
        if (piece !== undefined) return controller.enqueue(utf8(piece))
        if (end === 'ends') controller.close()
        if (end === 'breaks') controller.error(new TypeError('the connection broke'))
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** A server that answers one request after the other, and remembers them. */
function serve(...answers: readonly (Response | 'unreachable' | 'silent')[]) {
  const requests: Request[] = []
  return {
    requests,
    async fetch(request: Request): Promise<Response> {
      const answer = answers[requests.length] ?? new Response(null, { status: 204 })
      requests.push(request)
      if (answer === 'unreachable') throw new TypeError('fetch failed')
      if (answer !== 'silent') return withSignal(answer, request.signal)
      return new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason))
      })
    },
    lastEventIds: () => requests.map(({ headers }) => headers.get('last-event-id')),
  }
}

/** As `fetch` does it: the body of the answer fails when the request is aborted. */
function withSignal(answer: Response, signal: AbortSignal): Response {
  if (answer.body === null) return answer
  const reader = answer.body.getReader()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        signal.addEventListener('abort', () => {
          controller.error(signal.reason)
          reader.cancel().catch(() => {})
        })
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (signal.aborted) return
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          controller.error(error)
        }
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, answer)
}

async function all(events: AsyncIterable<VaultEvent>): Promise<number[]> {
  const numbers: number[] = []
  for await (const { payload } of events) numbers.push((payload as { number: number }).number)
  return numbers
}

const follow = (server: { fetch: VaultEventsOptions['fetch'] }, options: Partial<VaultEventsOptions> = {}) =>
  vaultEvents(VAULT, { token: 'vat_a.b.c', fetch: server.fetch as never, ...options })

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** Lets all waits pass, and says how long each was. */
async function waits<Value>(work: Promise<Value>): Promise<{ value: Value; waits: number[] }> {
  const spy = vi.spyOn(globalThis, 'setTimeout')
  let isDone = false
  const settled = work.finally(() => {
    isDone = true
  })
  settled.catch(() => {})
  while (!isDone) {
    await vi.advanceTimersToNextTimerAsync()
    await new Promise(setImmediate)
  }
  // Watches over silence are none.
  const waits = spy.mock.calls.map(([, ms]) => ms ?? 0).filter((ms) => ms !== 30_000)
  spy.mockRestore()
  return { value: await settled, waits }
}

describe('a subscriber', () => {
  it('gets what the server sends, and ends with the vault', async () => {
    for (const last of ['vault.sealed', 'vault.expired']) {
      const server = serve(stream([formatRetry(1000), text(1) + text(2), HEARTBEAT, text(3, last)], 'stays'))
      const events: VaultEvent[] = []
      for await (const each of follow(server)) events.push(each)
      expect(events).toEqual([event(1), event(2), event(3, last)])
      const [request, ...more] = server.requests
      expect(more).toEqual([])
      expect(request?.url).toBe(`${VAULT}/events`)
      expect(Object.fromEntries(request?.headers ?? [])).toEqual({
        accept: 'text/event-stream',
        authorization: 'Bearer vat_a.b.c',
      })
      expect(request?.signal.aborted).toBe(true)
    }
  })

  it('begins behind the event that it has seen', async () => {
    const server = serve(stream([text(8), text(9, 'vault.sealed')]))
    expect(await all(follow(server, { after: id(7) }))).toEqual([8, 9])
    expect(server.lastEventIds()).toEqual([id(7)])
  })

  it('goes on where it was when a connection ends, breaks, or breaks within an event', async () => {
    const half = text(4).slice(0, -10)
    const server = serve(
      stream([text(1), text(2)]),
      stream([text(3)], 'breaks'),
      stream([half], 'breaks'),
      stream([]),
      stream([text(4), text(5, 'vault.sealed')]),
    )
    const { value } = await waits(all(follow(server)))
    expect(value).toEqual([1, 2, 3, 4, 5])
    expect(server.lastEventIds()).toEqual([null, id(2), id(3), id(3), id(3)])
    expect(server.requests.every(({ signal }) => signal.aborted)).toBe(true)
  })

  it('ends when the server says that there is no more', async () => {
    const server = serve(stream([text(1)]), new Response(null, { status: 204 }))
    expect((await waits(all(follow(server)))).value).toEqual([1])
    expect(server.requests).toHaveLength(2)
  })

  it('waits as long as the server says, and else two seconds', async () => {
    const server = serve(
      stream([text(1)]),
      stream([formatRetry(1234), text(2)]),
      stream([text(3)]),
      stream([formatRetry(5)]),
      stream([formatRetry(10 ** 9)]),
    )
    expect((await waits(all(follow(server)))).waits).toEqual([2000, 1234, 1234, 100, 300_000])
  })

  it('waits longer from failure to failure, up to half a minute, until one connection succeeds', async () => {
    const failures = Array.from({ length: 8 }, () => 'unreachable' as const)
    const server = serve(...failures, stream([text(1)]), 'unreachable')
    const { waits: waited } = await waits(all(follow(server)))
    const most = [4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000, 2000, 4000]
    expect(waited).toHaveLength(most.length)
    for (const [at, ms] of waited.entries()) {
      expect(ms).toBeLessThanOrEqual(most[at] ?? 0)
      expect(ms).toBeGreaterThanOrEqual((most[at] ?? 0) / 2)
    }
    expect(waited[8]).toBe(2000)
  })

  it.each([408, 425, 429, 500, 502, 503])('comes back after a %d', async (status) => {
    const server = serve(
      new Response('busy', { status, headers: { 'retry-after': '7' } }),
      new Response('busy', { status, headers: { 'retry-after': 'soon' } }),
      stream([text(1, 'vault.sealed')]),
    )
    const { value, waits: waited } = await waits(all(follow(server)))
    expect(value).toEqual([1])
    expect(waited[0]).toBe(7000)
  })

  it('takes a connection that is silent for half a minute for lost', async () => {
    const server = serve('silent', stream([text(1)], 'stays'), stream([text(2, 'vault.sealed')]))
    const reading = all(follow(server))
    await vi.advanceTimersByTimeAsync(29_999)
    expect(server.requests).toHaveLength(1)
    expect((await waits(reading)).value).toEqual([1, 2])
    expect(server.requests.map(({ signal }) => signal.aborted)).toEqual([true, true, true])
  })

  it('is content with heartbeats', async () => {
    let beats = 0
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 8000))
          controller.enqueue(utf8(++beats === 20 ? text(1, 'vault.sealed') : HEARTBEAT))
        },
      },
      { highWaterMark: 0 },
    )
    const server = serve(
      new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } }),
    )
    expect((await waits(all(follow(server)))).value).toEqual([1])
    expect(server.requests).toHaveLength(1)
  })

  it('asks for a token with every connection', async () => {
    const server = serve(stream([text(1)]), stream([text(2, 'vault.sealed')]))
    let asked = 0
    const token = async (): Promise<string> => `vat_${++asked}`
    expect((await waits(all(follow(server, { token })))).value).toEqual([1, 2])
    expect(server.requests.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer vat_1',
      'Bearer vat_2',
    ])
  })

  it('takes no more than it is asked for', async () => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>(
      { pull: (controller) => controller.enqueue(utf8(text(++sent))) },
      { highWaterMark: 0 },
    )
    const server = serve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
    const events = follow(server)
    for (let n = 1; n <= 100; n++) {
      await events.next()
      expect(sent).toBeLessThanOrEqual(n + 1)
    }
    await events.return()
    expect(server.requests[0]?.signal.aborted).toBe(true)
  })
})

describe('a signal', () => {
  it('ends a subscriber before it begins', async () => {
    const server = serve(stream([text(1)]))
    expect(await all(follow(server, { signal: AbortSignal.abort() }))).toEqual([])
    expect(server.requests).toEqual([])
  })

  it('ends it while it connects, reads and waits, and leaves nothing behind', async () => {
    for (const answer of ['silent', stream([text(1)], 'stays'), stream([text(1)]), 'unreachable'] as const) {
      const server = serve(answer)
      const abort = new AbortController()
      const reading = all(follow(server, { signal: abort.signal }))
      for (let n = 0; n < 5; n++) await new Promise(setImmediate)
      expect(server.requests).toHaveLength(1)
      abort.abort()
      await reading
      expect(server.requests).toHaveLength(1)
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  it('is not listened to any more when the loop has ended, however often it came back', async () => {
    const { signal } = new AbortController()
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const server = serve(stream([text(1)]), 'unreachable', stream([text(2, 'vault.sealed')]))
    await waits(all(follow(server, { signal })))
    expect(server.requests).toHaveLength(3)
    expect(added.mock.calls.length).toBeGreaterThanOrEqual(5)
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      expect.arrayContaining(added.mock.calls.map(([, listener]) => listener)),
    )
  })

  it('ends it between two events of one piece', async () => {
    const abort = new AbortController()
    const events = follow(serve(stream([text(1) + text(2)])), { signal: abort.signal })
    await events.next()
    abort.abort()
    expect((await events.next()).done).toBe(true)
  })
})

describe('who may not read', () => {
  const problem = (status: number, code: string): Response =>
    Response.json(
      { code, detail: 'It says why.' },
      { status, headers: { 'content-type': 'application/problem+json' } },
    )

  it.each([
    [400, 'bad-request'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'vault-not-found'],
    [410, 'vault-expired'],
  ] as const)('is told so once: %d %s', async (status, reason) => {
    const server = serve(problem(status, reason))
    await expect(all(follow(server))).rejects.toMatchObject({
      name: 'CofferError',
      code: 'refused',
      status,
      message: `the server answered ${status}: It says why.`,
      refusal: { reason, detail: 'It says why.' },
    })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.signal.aborted).toBe(true)
  })

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [405, 'bad-request'],
  ] as const)('is told so by others, too: %d', async (status, reason) => {
    const bodies = ['<h1>No</h1>', '', '[]', '{"code":5}', '{"code":"toString"}', 'x'.repeat(100_000)]
    for (const body of [...bodies, new Uint8Array([0xff])]) {
      await expect(all(follow(serve(new Response(body, { status }))))).rejects.toMatchObject({
        code: 'refused',
        refusal: { reason },
      })
    }
  })

  it('is told so when a token expires under way', async () => {
    const server = serve(stream([text(1)]), problem(401, 'unauthorized'))
    const events = follow(server)
    expect((await events.next()).value).toEqual(event(1))
    await expect(waits(events.next())).rejects.toMatchObject({ code: 'refused', status: 401 })
    expect((await events.next()).done).toBe(true)
  })

  it('is told what is wrong with the options, but not shown the token', async () => {
    const bad: [unknown, object][] = [
      ['not a url', {}],
      [VAULT, { token: 'a secret\n' }],
      [VAULT, { token: undefined }],
      [VAULT, { token: () => 'a secret\n' }],
      [VAULT, { from: 'x' }],
    ]
    for (const [url, options] of bad) {
      const error = await vaultEvents(url as string, { token: 'x', ...options })
        .next()
        .catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'invalid-option' })
      expect(String(error)).not.toContain('secret')
    }
    const failing = async (): Promise<string> => Promise.reject(new Error('no token today'))
    await expect(all(follow(serve(), { token: failing }))).rejects.toThrow('no token today')
  })
})

describe('what is not the events of a vault', () => {
  const data = (value: unknown): string => formatStreamEvent({ id: id(1), data: JSON.stringify(value) })

  it.each<[string, Response]>([
    ['a page', new Response('<h1>Hello</h1>', { headers: { 'content-type': 'text/html' } })],
    ['JSON', Response.json({})],
    ['nothing', new Response('')],
    ['a similar type', new Response('', { headers: { 'content-type': 'text/event-streams' } })],
    ['another success', new Response('', { status: 202, headers: { 'content-type': 'text/event-stream' } })],
    ['no JSON', stream([formatStreamEvent({ id: id(1), data: 'hello' })])],
    ['no object', stream([data([event(1)])])],
    ['half of an event', stream([data({ ...event(1), timestamp: undefined })])],
    ['no payload', stream([data({ ...event(1), payload: undefined })])],
    ['another id', stream([data(event(2))])],
    [
      'an id that no field carries',
      stream([formatStreamEvent({ id: 'evt_🎉', data: JSON.stringify({ ...event(1), eventId: 'evt_🎉' }) })]),
    ],
    ['no id', stream([`data: ${JSON.stringify(event(1))}\n\n`])],
    ['an endless event', stream(Array.from({ length: 200 }, () => `data: ${'x'.repeat(10_000)}`))],
  ])('is an error: %s', async (_name, answer) => {
    const server = serve(answer)
    await expect(all(follow(server))).rejects.toMatchObject({ code: 'invalid-events' })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.signal.aborted).toBe(true)
  })

  it('is an error: a redirect, which would take the token along', async () => {
    const moved = new Response(null, { status: 307, headers: { location: 'https://thief.test/' } })
    const server = serve(moved)
    await expect(all(follow(server))).rejects.toMatchObject({ code: 'invalid-events' })
    expect(server.requests.map(({ redirect }) => redirect)).toEqual(['manual'])
  })
})

describe('urls', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('may end with a slash, have a query, and be relative to a page', async () => {
    vi.stubGlobal('location', { href: 'https://shop.test/page/x?y' })
    const urls = [`${VAULT}/`, new URL(`${VAULT}?a=b`), '/vaults/vlt_1', '../vaults/vlt_1']
    const asked: string[] = []
    for (const url of urls) {
      const server = serve()
      await all(vaultEvents(url, { token: 'x', fetch: server.fetch }))
      asked.push(server.requests[0]?.url ?? '')
    }
    expect(asked).toEqual([
      `${VAULT}/events`,
      `${VAULT}/events?a=b`,
      'https://shop.test/vaults/vlt_1/events',
      'https://shop.test/vaults/vlt_1/events',
    ])
  })
})

it('takes hardly anything along into a page: no package, and five kilobytes', async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/client/vault-events.ts', import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
  })
  const foreign = Object.keys(metafile.inputs).filter((file) => !/^src\/(?:client|lib|problems)\//.test(file))
  expect(foreign).toEqual([])
  expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(5000)
})

it('an event is for clients what it is for servers', () => {
  expectTypeOf<VaultEvent>().toEqualTypeOf<ServerEvent>()
})
