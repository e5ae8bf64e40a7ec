import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { CofferOptions } from '../../src/gate/options.ts'
import type { Bus } from '../../src/stores/bus.ts'
import { memory } from '../../src/stores/memory.ts'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import type { Store } from '../../src/stores/store.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { codeOf } from '../gate/scripted.ts'
import { type Followed, followAnswer, numbersOf, upTo } from './follower.ts'
import { type Ask, createOperated, jsonOf } from './operator.ts'

const HEARTBEAT = 8000
const HOUR = 3_600_000

// Streams beat; everything else goes on in real time.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** A bus that knows who listens. */
function countingBus(): Bus & { readonly listeners: () => number } {
  const bus = memoryBus()
  let count = 0
  return {
    ...bus,
    listeners: () => count,
    async subscribe(topic, wake) {
      const unsubscribe = await bus.subscribe(topic, wake)
      count++
      return () => {
        count--
        unsubscribe()
      }
    },
  }
}

/** A seller with a vault, and what is needed to follow it. */
async function createFollowed(options: Partial<CofferOptions> = {}) {
  const bus = countingBus()
  const seller = createOperated({ vaults: { blobs: memoryBlobs(), bus }, ...options })
  const vaults = seller.coffer.vaults
  const vault = await vaults?.create()
  if (!vaults || !vault) throw new Error('there are no vaults')
  const path = `/vaults/${vault.id}/events`
  return {
    ...seller,
    vaults,
    vault,
    bus,
    path,
    /** Opens the stream, which has to be there. */
    async follow(query = '', ask: Ask = {}) {
      const answer = await seller.ask(path + query, ask)
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
      return followAnswer(answer)
    },
    async ticket(key: string): Promise<string> {
      const answer = seller.ask(`/vaults/${vault.id}/stream-ticket`, { method: 'POST', key })
      return (await jsonOf<{ ticket: string }>(answer)).ticket
    },
    /** Until nobody listens any more. */
    async quiet(): Promise<void> {
      while (bus.listeners() > 0) await new Promise(setImmediate)
    },
  }
}

/** Lets what is under way come to a stand. */
async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise(setImmediate)
}

/** Reads a piece that comes with the next heartbeat; `false` at the end. */
async function beat(stream: Followed): Promise<boolean> {
  const step = stream.step()
  await settle()
  vi.advanceTimersByTime(HEARTBEAT)
  return step
}

async function emitMany(vault: Vault, count: number, payload: unknown = null): Promise<void> {
  for (let n = 0; n < count; n++) await vault.emit('step', payload ?? n)
}

describe('the stream of a vault', () => {
  it('has the fields that keep proxies from holding it back', async () => {
    const { ask, path } = await createFollowed()
    const answer = await ask(path)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'access-control-allow-origin': '*',
    })
    await answer.body?.cancel()
  })

  it('begins at once, with a time to come back after that differs from stream to stream', async () => {
    const { follow } = await createFollowed()
    const times = new Set<number>()
    for (let n = 0; n < 20; n++) {
      const stream = await follow()
      await stream.step()
      times.add(stream.retryMs ?? 0)
      await stream.cancel()
    }
    expect(times.size).toBe(20)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1000)
    expect(Math.max(...times)).toBeLessThan(3000)
  })

  it('has the events there were, then those that come, up to the seal', async () => {
    const { follow, vault } = await createFollowed()
    await emitMany(vault, 150)
    const stream = await follow()
    await stream.take(150)
    const rest = stream.rest()
    await emitMany(vault, 50)
    await vault.seal('Done')
    const events = await rest
    expect(numbersOf(events)).toEqual(upTo(201))
    expect(events[0]).toEqual({
      type: 'step',
      payload: 0,
      eventId: expect.stringMatching(/^evt_/),
      vaultId: vault.id,
      timestamp: '2030-01-01T00:00:00.000Z',
    })
    expect(events.at(-1)).toMatchObject({ type: 'vault.sealed', payload: { summary: 'Done' } })
    expect(stream.ids).toEqual(events.map(({ eventId }) => eventId))
    expect(stream.names.every((name) => name === undefined)).toBe(true)
  })

  it('of a sealed vault has all that happened and ends; who has seen that gets 204', async () => {
    const { ask, follow, vault, path, bus } = await createFollowed()
    await emitMany(vault, 3)
    await vault.seal()
    const events = await (await follow()).rest()
    expect(numbersOf(events)).toEqual([1, 2, 3, 4])
    const last = events.at(-1)?.eventId ?? ''
    const ended = [
      await ask(path, { headers: { 'last-event-id': last } }),
      await ask(`${path}?from=${last}`),
      await ask(path, { method: 'HEAD', headers: { 'last-event-id': last } }),
    ]
    for (const answer of ended) {
      expect(answer.status).toBe(204)
      expect(answer.body).toBeNull()
    }
    expect(numbersOf(await (await follow(`?from=${events[2]?.eventId}`)).rest()).at(0)).toBe(4)
    expect(bus.listeners()).toBe(0)
  })

  it('ends with a vault that expires, behind the word of it, and with one that is deleted', async () => {
    const { ask, follow, vault, vaults, path, advance } = await createFollowed()
    const stream = await follow()
    await emitMany(vault, 1)
    await stream.take(1)
    await vault.extend(1)
    advance(HOUR)
    await vault.info().catch(() => {})
    await vaults
      .open(vault.id)
      .emit('late')
      .catch(() => {})
    const rest = stream.rest()
    expect((await rest).map(({ type }) => type)).toEqual(['step', 'vault.expired'])
    expect((await ask(path)).status).toBe(410)

    const other = await vaults.create()
    const ending = followAnswer(await ask(`/vaults/${other.id}/events`)).rest()
    await settle()
    await other.delete()
    expect(await ending).toEqual([])
    expect((await ask(`/vaults/${other.id}/events`)).status).toBe(404)
  })

  it.each<[string, unknown]>([
    ['step', 'a\nb'],
    ['step', '\r\n\r\n'],
    ['step', 'a\rb\r'],
    ['step', '\0'],
    ['step', '\n\nid: 9\ndata: {}\n\n'],
    ['\n\nid: 9', { '\r': ['\n\ndata: x'] }],
    ['event: x\r\r', '\ufeff\u2028😀 \ud800'],
    [':', null],
  ])('carries %j %j as one event that comes back as it was (case 35)', async (type, payload) => {
    const { follow, vault } = await createFollowed()
    const emitted = await vault.emit(type, payload)
    await vault.seal()
    const stream = await follow()
    const [event, sealed, ...more] = await stream.rest()
    expect(event).toEqual(emitted)
    expect(event).toMatchObject(JSON.parse(JSON.stringify({ type, payload }).replace('\\ud800', '\\ufffd')))
    expect([sealed?.type, more]).toEqual(['vault.sealed', []])
    expect(stream.ids).toEqual([event?.eventId, sealed?.eventId])
  })

  it('answers HEAD like GET, and opens nothing for it', async () => {
    const { ask, path, bus, vaults } = await createFollowed()
    const answer = await ask(path, { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-type'), answer.body]).toEqual([
      200,
      'text/event-stream',
      null,
    ])
    await settle()
    expect(bus.listeners()).toBe(0)
    expect((await ask(path, { method: 'HEAD', key: null })).status).toBe(401)
    expect((await ask(`${path}?from=x`, { method: 'HEAD' })).status).toBe(400)
    const { id } = await vaults.create()
    await vaults.open(id).delete()
    expect((await ask(`/vaults/${id}/events`, { method: 'HEAD' })).status).toBe(404)
  })
})

describe('a reconnect', () => {
  it('with the last id, an earlier one, a future one, of another vault, with junk (case 36)', async () => {
    const { ask, follow, vault, vaults, path } = await createFollowed()
    await emitMany(vault, 9)
    const { eventId: tenth } = await vault.emit('step')
    const { eventId: foreign } = await (await vaults.create()).emit('step')
    await vault.seal()
    const number = (of: number): string => tenth.slice(0, -12) + String(of).padStart(12, '0')

    for (const seen of [1, 5, 9, 10]) {
      for (const again of [
        await follow('', { headers: { 'last-event-id': number(seen) } }),
        await follow(`?from=${number(seen)}`),
        await follow(`?from=${number(1)}`, { headers: { 'last-event-id': number(seen) } }),
        await follow('?from=junk', { headers: { 'last-event-id': number(seen) } }),
      ]) {
        expect(numbersOf(await again.rest())).toEqual(upTo(11).slice(seen))
      }
    }
    const wrong = [
      number(12),
      number(0),
      foreign,
      'x'.repeat(10_000),
      'evt_',
      '11',
      `${tenth}x`,
      '\u00ff',
      '%00',
    ]
    for (const id of wrong) {
      for (const answer of [
        await ask(path, { headers: { 'last-event-id': id } }),
        await ask(`${path}?from=${encodeURIComponent(id)}`),
        await ask(`${path}?from=${tenth}`, { headers: { 'last-event-id': id } }),
      ]) {
        expect(answer.status).toBe(400)
        const text = await answer.text()
        expect(JSON.parse(text)).toMatchObject({ code: 'bad-request' })
        expect(text.length).toBeLessThan(1000)
      }
    }
  })

  it('with an empty id begins with the first event: that is how an EventSource says that it has seen none', async () => {
    const { follow, vault } = await createFollowed()
    await vault.seal()
    expect(numbersOf(await (await follow('?from=')).rest())).toEqual([1])
    expect(numbersOf(await (await follow('', { headers: { 'last-event-id': '' } })).rest())).toEqual([1])
  })

  it('with what the route does not know is refused', async () => {
    const { ask, path } = await createFollowed()
    for (const query of ['?form=x', '?from=&from=', '?lastEventId=x']) {
      expect((await ask(path + query)).status).toBe(400)
    }
  })
})

describe('a heartbeat', () => {
  it('comes every eight seconds, unless there is something better to send', async () => {
    const { follow, vault } = await createFollowed()
    const stream = await follow()
    await stream.step()
    for (let n = 1; n <= 3; n++) {
      const step = stream.step()
      vi.advanceTimersByTime(HEARTBEAT - 1)
      await settle()
      expect(stream.heartbeats).toBe(n - 1)
      vi.advanceTimersByTime(1)
      await step
      expect(stream.heartbeats).toBe(n)
    }
    for (let n = 1; n <= 5; n++) {
      await vault.emit('step')
      vi.advanceTimersByTime(HEARTBEAT)
      await stream.take(n)
    }
    expect(stream.heartbeats).toBe(3)
    await stream.cancel()
  })

  it.each(['with the token', 'with a ticket'])(
    '%s ends the stream when the token is revoked (case 29)',
    async (how) => {
      const { follow, ticket, vault } = await createFollowed()
      const { token, id } = await vault.issueAccessToken()
      const stream =
        how === 'with the token'
          ? await follow('', { key: token })
          : await follow(`?ticket=${await ticket(token)}`, { key: null })
      await vault.emit('step', 'before')
      await stream.take(1)
      const rest = stream.rest()
      await vault.revokeAccessToken(id)
      vi.advanceTimersByTime(HEARTBEAT)
      expect(numbersOf(await rest)).toEqual([1])
    },
  )

  it('ends the stream when the token expires (case 29)', async () => {
    const { ask, follow, vault, path, advance } = await createFollowed()
    const { token } = await vault.issueAccessToken({ ttlSeconds: 60 })
    const stream = await follow('', { key: token })
    await stream.step()
    advance(59_999)
    expect(await beat(stream)).toBe(true)
    advance(1)
    expect(await beat(stream)).toBe(false)
    expect(stream.heartbeats).toBe(1)
    expect((await ask(path, { key: token })).status).toBe(401)
  })

  it('comes before events, so that none goes out to who may not read any more (case 29)', async () => {
    const { follow, vault } = await createFollowed()
    const { token, id } = await vault.issueAccessToken()
    const stream = await follow('', { key: token })
    await stream.step()
    await vault.revokeAccessToken(id)
    vi.advanceTimersByTime(HEARTBEAT)
    await emitMany(vault, 100)
    expect(await stream.rest()).toEqual([])
  })

  it('leaves streams alone that an API key has opened', async () => {
    const { follow, ticket, vault, advance } = await createFollowed()
    const byTicket = await ticket('another-key-that-is-long-enough-too')
    const streams = [await follow(), await follow(`?ticket=${byTicket}`, { key: null })]
    advance(HOUR)
    for (const stream of streams) {
      await stream.step()
      for (let n = 0; n < 3; n++) expect(await beat(stream)).toBe(true)
    }
    await vault.seal()
    for (const stream of streams) expect(numbersOf(await stream.rest())).toEqual([1])
  })
})

describe('a client that takes nothing', () => {
  it('is dropped after half a minute, has cost a piece, and resumes whole (case 38)', async () => {
    let listed = 0
    const store = memory({ clock: () => Date.UTC(2030, 0, 1) })
    const counting: Store = {
      ...store,
      async list(range, page) {
        const entries = await store.list(range, page)
        listed += entries.length
        return entries
      },
    }
    const { follow, vault, quiet } = await createFollowed({ store: counting })
    const stream = await follow()
    await stream.step()
    await emitMany(vault, 1)
    await stream.take(1)
    const seen = stream.events.at(-1)?.eventId
    listed = 0
    await emitMany(vault, 9_999, 'x'.repeat(100))
    expect(listed).toBeLessThanOrEqual(64)
    vi.advanceTimersByTime(5 * HEARTBEAT)
    await expect(stream.step()).rejects.toMatchObject({ name: 'AbortError' })
    await quiet()
    const again = await follow('', { headers: { 'last-event-id': seen ?? '' } })
    const rest = again.rest()
    await vault.seal()
    expect(numbersOf(await rest)).toEqual(upTo(10_001).slice(1))
  })

  it('is not, when it is only slow', async () => {
    const { follow, vault } = await createFollowed()
    await emitMany(vault, 20, 'x'.repeat(40_000))
    await vault.seal()
    const stream = await follow()
    for (;;) {
      vi.advanceTimersByTime(4 * HEARTBEAT)
      if (!(await stream.step())) break
    }
    expect(numbersOf(stream.events)).toEqual(upTo(21))
  })

  it('is handed large events a few at a time', async () => {
    const { follow, vault } = await createFollowed()
    await emitMany(vault, 30, 'x'.repeat(45_000))
    await vault.seal()
    const stream = await follow()
    expect(numbersOf(await stream.rest())).toEqual(upTo(31))
    expect(Math.max(...stream.pieces)).toBeLessThan(2 ** 16 + 50_000)
    expect(stream.pieces.length).toBeGreaterThan(14)
  })
})

describe('a stream that is over', () => {
  it('leaves nothing behind when its client goes', async () => {
    const { follow, quiet, bus, vault } = await createFollowed()
    const [early, waiting, late] = [await follow(), await follow(), await follow()]
    await early.cancel()
    await waiting.step()
    const step = waiting.step()
    await settle()
    expect(bus.listeners()).toBe(1)
    await waiting.cancel()
    expect(await step).toBe(false)
    await emitMany(vault, 1)
    await late.take(1)
    await late.cancel()
    await quiet()
    await emitMany(vault, 10)
  })

  it('ends well when the process closes', async () => {
    const { ask, follow, coffer, vault, path, failures } = await createFollowed()
    await emitMany(vault, 1)
    const streams = [await follow(), await follow()]
    for (const stream of streams) await stream.take(1)
    const rests = streams.map((stream) => stream.rest())
    const idle = await follow()
    await settle()
    await coffer.close()
    for (const rest of rests) expect(numbersOf(await rest)).toEqual([1])
    expect(await idle.rest()).toEqual([])
    // Before the store, which would have been a failure.
    expect(failures).toEqual([])
    expect((await ask(path)).status).toBe(500)
  })

  it('ends well when the store fails, which somebody is told', async () => {
    const store = memory()
    let isBroken = false
    const failing: Store = {
      ...store,
      get: async (key) => (isBroken ? Promise.reject(new Error('the disk is gone')) : store.get(key)),
    }
    const { follow, vault, failures, bus } = await createFollowed({ store: failing, clock: Date.now })
    const { token } = await vault.issueAccessToken()
    const [stream, byToken] = [await follow(), await follow('', { key: token })]
    const rests = [stream.rest(), byToken.rest()]
    await settle()
    isBroken = true
    await bus.publish(`vault:${vault.id}`)
    for (const rest of rests) expect(await rest).toEqual([])
    expect(failures).toEqual([new Error('the disk is gone'), new Error('the disk is gone')])

    isBroken = false
    const beating = await follow('', { key: token })
    await beating.step()
    isBroken = true
    vi.advanceTimersByTime(HEARTBEAT)
    expect(await beating.rest()).toEqual([])
    expect(failures).toHaveLength(3)
  })
})

describe('a stream ticket', () => {
  it('opens the stream of its vault for a minute, as often as a client has to come back', async () => {
    const { ask, follow, ticket, vault, path, advance } = await createFollowed()
    const { token } = await vault.issueAccessToken()
    const answer = await ask(`/vaults/${vault.id}/stream-ticket`, { method: 'POST', key: token })
    expect(answer.status).toBe(201)
    expect(await jsonOf(answer)).toEqual({
      ticket: expect.stringMatching(/^vst_/),
      expiresAt: Date.UTC(2030, 0, 1) + 60_000,
    })
    const query = `?ticket=${await ticket(token)}`
    const first = await vault.emit('step')
    const stream = await follow(query, { key: null })
    await stream.take(1)
    await stream.cancel()
    advance(59_999)
    const again = await follow(query, { key: null, headers: { 'last-event-id': first.eventId } })
    advance(1)
    const refused = await ask(path + query, { key: null })
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="coffer"'])
    // What it has opened goes on.
    const rest = again.rest()
    await vault.seal()
    expect(numbersOf(await rest)).toEqual([2])
  })

  it('opens nothing else', async () => {
    const { ask, ticket, vault, vaults, path } = await createFollowed()
    const { token } = await vault.issueAccessToken()
    const other = await vaults.create()
    for (const key of [token, 'another-key-that-is-long-enough-too']) {
      const query = `?ticket=${await ticket(key)}`
      expect(await codeOf(await ask(`/vaults/${other.id}/events${query}`, { key: null }))).toBe(
        'vault-not-found',
      )
      expect((await ask(`/vaults/vlt_x/events${query}`, { key: null })).status).toBe(404)
      for (const place of ['', '/manifest', '/stream-ticket', '/events']) {
        const method = place === '/stream-ticket' || place === '/events' ? 'POST' : 'GET'
        expect((await ask(`/vaults/${vault.id}${place}${query}`, { method, key: null })).status).toBe(401)
      }
      expect((await ask(path, { key: query.slice('?ticket='.length) })).status).toBe(401)
    }
    const wrong = ['', 'x', token, `vst_${token.slice(4)}`, 'vst_a.b.c', 'x'.repeat(10_000)]
    for (const text of wrong) {
      expect((await ask(`${path}?ticket=${encodeURIComponent(text)}`, { key: null })).status).toBe(401)
    }
  })

  it('counts only where there is no Authorization, and once', async () => {
    const { ask, ticket, vault, path } = await createFollowed()
    const { token } = await vault.issueAccessToken()
    const text = await ticket(token)
    expect((await ask(`${path}?ticket=${text}`, { key: 'wrong' })).status).toBe(401)
    expect((await ask(`${path}?ticket=${text}&ticket=${text}`, { key: null })).status).toBe(400)
  })

  it('is for who may read a vault that there is', async () => {
    const { ask, vault, vaults, advance } = await createFollowed()
    const other = await vaults.create({ ttlHours: 1 })
    const { token } = await other.issueAccessToken()
    const post = (id: string, key: string | null = token): Promise<Response> =>
      ask(`/vaults/${id}/stream-ticket`, { method: 'POST', key })
    expect((await post(vault.id, null)).status).toBe(401)
    expect((await post(vault.id, 'wrong')).status).toBe(401)
    expect((await post(vault.id)).status).toBe(404)
    expect((await post('vlt_x', 'another-key-that-is-long-enough-too')).status).toBe(404)
    advance(HOUR - 1000)
    expect((await post(other.id)).status).toBe(201)
    advance(1000)
    expect((await post(other.id, 'another-key-that-is-long-enough-too')).status).toBe(410)
  })
})
