import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { sleep, within } from '../../src/lib/deadline.ts'
import { postJson } from '../../src/lib/exchange.ts'

const limits = { timeoutMs: 2000, maxBytes: 1000 }
const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of open.splice(0)) await stop()
})

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    answer(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('posts JSON with the headers given and reads the answer, whatever its status', async () => {
  const url = await serve(({ method, headers }, response, body) => {
    response.writeHead(418).end(`${method} ${headers['content-type']} ${headers['x-key']} ${body}`)
  })
  expect(await postJson(url, { a: 1 }, { 'x-key': 'k' }, limits)).toEqual({
    answered: true,
    status: 418,
    text: 'POST application/json k {"a":1}',
  })
})

test('a redirect is an answer: nothing is sent to where it points', async () => {
  let followed = false
  const elsewhere = await serve((_, response) => {
    followed = true
    response.end()
  })
  const url = await serve((_, response) => void response.writeHead(307, { location: elsewhere }).end())
  expect(await postJson(url, {}, {}, limits)).toMatchObject({ answered: true, status: 307 })
  expect(followed).toBe(false)
})

test('an answer of the limit is read, one byte more is not', async () => {
  for (const [length, answered] of [
    [1000, true],
    [1001, false],
  ] as const) {
    const url = await serve((_, response) => void response.end('x'.repeat(length)))
    expect(await postJson(url, {}, {}, limits)).toMatchObject({ answered })
  }
})

test('the time limit covers the body too', async () => {
  const url = await serve((_, response) => void response.writeHead(200).write('{'))
  expect(await postJson(url, {}, {}, { ...limits, timeoutMs: 200 })).toEqual({
    answered: false,
    sent: true,
    why: 'did not answer within 200 ms',
  })
})

test('only a connection that was never made counts as not sent', async () => {
  const broken = await serve((_, response) => void response.destroy())
  expect(await postJson(broken, {}, {}, limits)).toMatchObject({ answered: false, sent: true })
  const gone = await serve(() => {})
  await open.pop()?.()
  const unreached = { answered: false, sent: false, why: 'could not be reached' }
  expect(await postJson(gone, {}, {}, limits)).toEqual(unreached)
  expect(await postJson(gone.replace('127.0.0.1', 'localhost'), {}, {}, limits)).toEqual(unreached)
})

test('within: the value, the rejection, or null when late', async () => {
  expect(await within(1000, Promise.resolve(7))).toBe(7)
  await expect(within(1000, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await within(1, sleep(50))).toBeNull()
  const late = sleep(20).then(() => Promise.reject(new Error('late')))
  expect(await within(1, late)).toBeNull()
  await sleep(50)
})

test('goes through the fetch that is given, bounded in time as ever', async () => {
  const asked: unknown[] = []
  const answered = await postJson(
    'https://nowhere.test/',
    { a: 1 },
    {},
    {
      ...limits,
      async fetch(url, { method, body, redirect }) {
        asked.push([url, method, body, redirect])
        return new Response('ok', { status: 201 })
      },
    },
  )
  expect(answered).toEqual({ answered: true, status: 201, text: 'ok' })
  expect(asked).toEqual([['https://nowhere.test/', 'POST', '{"a":1}', 'manual']])

  const hangs = await postJson(
    'https://nowhere.test/',
    {},
    {},
    {
      timeoutMs: 100,
      maxBytes: 1000,
      fetch: (_url, { signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    },
  )
  expect(hangs).toEqual({ answered: false, sent: true, why: 'did not answer within 100 ms' })
})
