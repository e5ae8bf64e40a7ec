import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { EventSource } from 'eventsource'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { type VaultEvent, vaultEvents } from '../../src/client.ts'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import { dial } from '../adapters/server.ts'
import { followAnswer, numbersOf, upTo } from './follower.ts'
import { KEY } from './operator.ts'
import { openRelay } from './relay.ts'
import { serveVaults } from './vault-server.ts'

const server = await serveVaults({ options: { vaults: { blobs: memoryBlobs(), bus: memoryBus() } } })
const relay = await openRelay(server.port)
afterAll(async () => {
  await relay.close()
  await server.close()
})

/** A vault, a token to read it, and where its stream is. */
async function createShared() {
  const vault = await server.createVault()
  const { token } = await vault.issueAccessToken()
  const path = `/vaults/${vault.id}`
  return { vault, token, url: relay.url + path, events: `${relay.url}${path}/events`, path }
}

/** What an `EventSource` gets until it gives up for good. */
function listen(url: string, token: string | null) {
  const source = new EventSource(url, {
    fetch: (to, init) =>
      fetch(to, {
        ...init,
        headers: { ...init.headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
      }),
  })
  const events: VaultEvent[] = []
  const ids: string[] = []
  const opened = vi.fn()
  source.addEventListener('open', opened)
  source.addEventListener('message', ({ data, lastEventId }) => {
    events.push(JSON.parse(data))
    ids.push(lastEventId)
  })
  const closed = new Promise<number | undefined>((resolve) => {
    source.addEventListener('error', ({ code }) => {
      if (source.readyState === EventSource.CLOSED) resolve(code)
    })
  })
  return { events, ids, opened, closed }
}

describe('the eventsource package', () => {
  it('gets everything through cuts, and stops for good when all is done', async () => {
    const { vault, token, events: url } = await createShared()
    await vault.emit('step', 1)
    const { events, ids, opened, closed } = listen(url, token)
    await vi.waitFor(() => expect(events).toHaveLength(1), 10_000)
    relay.cut()
    for (let n = 2; n <= 5; n++) await vault.emit('step', n)
    await vi.waitFor(() => expect(events).toHaveLength(5), 10_000)
    await vault.seal('Done')
    // It comes back once more, as it always does, and hears that there is no more.
    expect(await closed).toBe(204)
    expect(numbersOf(events)).toEqual(upTo(6))
    expect(ids).toEqual(events.map(({ eventId }) => eventId))
    expect(opened).toHaveBeenCalledTimes(2)
  })

  it('comes back with its ticket for as long as that is good', async () => {
    const { vault, token, events: url, path } = await createShared()
    const answer = await server.send(`${path}/stream-ticket`, { method: 'POST', bearer: token })
    const { ticket } = (await answer.json()) as { ticket: string }
    await vault.emit('step', 1)
    const { events, opened, closed } = listen(`${url}?ticket=${ticket}`, null)
    await vi.waitFor(() => expect(events).toHaveLength(1), 10_000)
    relay.cut()
    await vault.emit('step', 2)
    await vi.waitFor(() => expect(events).toHaveLength(2), 10_000)
    server.advance(60_000)
    relay.cut()
    expect(await closed).toBe(401)
    expect(opened).toHaveBeenCalledTimes(2)
    expect(numbersOf(events)).toEqual([1, 2])
  })

  it('stops when its token is none', async () => {
    const { events: url } = await createShared()
    expect(await listen(url, 'vat_a.b.c').closed).toBe(401)
    const { token } = await createShared()
    expect(await listen(url, token).closed).toBe(404)
  })
})

describe('curl', () => {
  it('gets the stream as it comes, and the end of it', async () => {
    const { vault, token, events: url } = await createShared()
    const curl = spawn('curl', ['-sSN', '-i', '-H', `Authorization: Bearer ${token}`, url])
    let text = ''
    curl.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    const exit = once(curl, 'close')
    await vi.waitFor(() => expect(text).toContain('retry: '), 10_000)
    const { eventId } = await vault.emit('a.step', 'two\nlines')
    await vi.waitFor(() => expect(text).toContain(eventId), 10_000)
    await vault.seal()
    expect(await exit).toEqual([0, null])
    const [head = '', ...body] = text.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    expect(head.toLowerCase()).toContain('\r\ncontent-type: text/event-stream\r\n')
    const lines = body.join('\r\n\r\n').split('\n')
    expect(lines[0]).toMatch(/^retry: \d{4}$/)
    expect(lines[2]).toBe(`id: ${eventId}`)
    expect(lines[3]).toMatch(/^data: \{"type":"a\.step","payload":"two\\nlines",/)
    expect(lines[4]).toBe('')
  })

  it('asks with HEAD', async () => {
    const { token, events: url } = await createShared()
    const { stdout } = await promisify(execFile)('curl', [
      '-sSI',
      '-H',
      `Authorization: Bearer ${token}`,
      url,
    ])
    expect(stdout).toMatch(/^HTTP\/1\.1 200 /)
    expect(stdout).toMatch(/content-type: text\/event-stream\r\n/i)
  })
})

describe('vaultEvents', () => {
  it('gets every event once, in order, however often the connection is cut', async () => {
    const { vault, token, url } = await createShared()
    const reading = (async () => {
      const events: VaultEvent[] = []
      for await (const event of vaultEvents(url, { token })) events.push(event)
      return events
    })()
    const before = relay.connections()
    for (let n = 0; n < 1000; n++) {
      await vault.emit('step', { n, text: 'x'.repeat(n % 300) })
      if (n % 300 === 150) {
        const count = relay.connections()
        relay.cut()
        await vi.waitFor(() => expect(relay.connections()).toBeGreaterThan(count), 20_000)
      }
    }
    await vault.seal()
    const events = await reading
    expect(numbersOf(events)).toEqual(upTo(1001))
    expect(events[999]).toMatchObject({ type: 'step', payload: { n: 999 }, vaultId: vault.id })
    expect(relay.connections() - before).toBeGreaterThanOrEqual(3)
  }, 60_000)

  it('ends with 204 when all was seen, and says why it may not read', async () => {
    const { vault, token, url } = await createShared()
    const other = await createShared()
    const { eventId } = await vault
      .seal()
      .then(() => vault.events().next())
      .then(({ value }) => value as VaultEvent)
    expect((await vaultEvents(url, { token, after: eventId }).next()).done).toBe(true)
    const refusals = [
      vaultEvents(url, { token: 'vat_a.b.c' }),
      vaultEvents(url, { token: other.token }),
      vaultEvents(url, { token, after: 'junk' }),
      vaultEvents(`${relay.url}/vaults/vlt_${'a'.repeat(22)}`, { token: KEY }),
    ].map((events) => events.next().catch((error: unknown) => error))
    expect(await Promise.all(refusals)).toMatchObject([
      { code: 'refused', status: 401, refusal: { reason: 'unauthorized' } },
      { code: 'refused', status: 404, refusal: { reason: 'vault-not-found' } },
      { code: 'refused', status: 400, refusal: { reason: 'bad-request' } },
      { code: 'refused', status: 404, refusal: { reason: 'vault-not-found' } },
    ])
  })

  it('closes its connection when its loop is left', async () => {
    const { vault, token, url } = await createShared()
    await vault.emit('step')
    for await (const _ of vaultEvents(url, { token })) break
    const abort = new AbortController()
    const events = vaultEvents(url, { token, signal: abort.signal })
    await events.next()
    const next = events.next()
    abort.abort()
    expect((await next).done).toBe(true)
  })
})

describe('a client on a socket that takes nothing', () => {
  it('is cut off under ten thousand events, and gets the rest when it comes back (case 38)', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { vault, token, path } = await createShared()
    const socket = await dial(server.port)
    const closed = once(socket, 'close')
    socket.on('error', () => {})
    socket.write(`GET ${path}/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    await once(socket, 'readable')
    for (let n = 1; n <= 10_000; n++) await vault.emit('step', 'x'.repeat(1000))
    // What has not gone out waits in the store. Beats without end, because the machine may be slow to fill the socket.
    const beats = setTimeout(function beat() {
      vi.advanceTimersByTime(8000)
      beats.refresh()
    }, 20)
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0), 20_000)
    clearTimeout(beats)
    vi.useRealTimers()
    let text = ''
    socket.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    await closed
    const seen = [...text.matchAll(/^id: (evt_\S+)\n(data: .*)\n\n/gm)]
    expect(seen.length).toBeLessThan(9000)
    const last = seen.at(-1)?.[1] ?? ''
    await vault.seal()
    const answer = await server.send(`${path}/events`, { bearer: token, headers: { 'last-event-id': last } })
    const rest = await followAnswer(answer).rest()
    expect(numbersOf(rest)).toEqual(upTo(10_001).slice(seen.length))
  }, 60_000)
})
