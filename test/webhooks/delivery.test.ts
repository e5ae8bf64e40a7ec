import { beforeEach, describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import type { IssuedEndpoint } from '../../src/webhooks/endpoint.ts'
import { verifyWebhook } from '../../src/webhooks/signature.ts'
import {
  createSeller,
  DAY,
  HOUR,
  LEASE_MS,
  NOW,
  SECOND,
  type Seller,
  scriptedSender,
  URL_A,
} from './seller.ts'

let sender: ReturnType<typeof scriptedSender>
let seller: Seller
let endpoint: IssuedEndpoint

beforeEach(async () => {
  sender = scriptedSender()
  seller = createSeller({ send: sender.send })
  endpoint = await seller.endpoints.create({ url: URL_A })
})

const deliveries = async (id = endpoint.id) => (await seller.endpoints.deliveries(id)).deliveries
const idsOf = () => sender.posts.map(({ headers }) => headers['webhook-id'])
const secondsOf = () => sender.posts.map(({ headers }) => Number(headers['webhook-timestamp']) - NOW / 1000)

/** Moves the clock to when the next job is due, and runs it. */
async function workAtNext(): Promise<number> {
  const due = await seller.store.list({ start: 'due/', end: 'due0' })
  if (due.length === 0) throw new Error('nothing is due')
  const waited = Math.min(...due.map(({ key }) => Number(key.split('/')[2]))) - seller.now()
  seller.advance(waited)
  await seller.work()
  return waited
}

describe('an event', () => {
  it('arrives as a message that verifies', async () => {
    await seller.emit('payment.settled', { paymentId: 'pay_1', amount: '0.05' })
    await seller.work()
    const [post] = sender.posts
    if (post === undefined) throw new Error('nothing was posted')
    expect(post.url).toBe(URL_A)
    expect(post.headers).toMatchObject({ 'content-type': 'application/json' })
    expect(verifyWebhook(post.body, post.headers, endpoint.secret, { clock: seller.now })).toEqual({
      type: 'payment.settled',
      timestamp: '2030-01-01T00:00:00.000Z',
      data: { paymentId: 'pay_1', amount: '0.05' },
    })
    expect(await deliveries()).toEqual([
      expect.objectContaining({
        status: 'delivered',
        event: post.headers['webhook-id'],
        type: 'payment.settled',
        body: post.body,
        attempts: [{ status: 200, at: NOW, ms: 0, error: null }],
      }),
    ])
    expect(await seller.rows('due/')).toEqual([])
  })

  it('is told once to each enabled endpoint that is subscribed to it, under one id', async () => {
    const failed = await seller.endpoints.create({ url: 'https://b.example.com', events: ['payment.failed'] })
    const both = await seller.endpoints.create({
      url: 'https://c.example.com',
      events: ['payment.failed', 'payment.settled'],
    })
    const off = await seller.endpoints.create({ url: 'https://d.example.com' })
    await seller.endpoints.update(off.id, { enabled: false })
    await seller.emit('payment.settled')
    await seller.work()
    expect(sender.posts.map(({ url }) => url).sort()).toEqual([URL_A, 'https://c.example.com/'])
    expect(new Set(idsOf()).size).toBe(1)
    await seller.emit('payment.failed')
    await seller.work()
    expect(sender.posts).toHaveLength(5)
    expect(
      await Promise.all([endpoint, failed, both, off].map(async ({ id }) => (await deliveries(id)).length)),
    ).toEqual([2, 1, 2, 0])
    expect(new Set(idsOf()).size).toBe(2)
  })

  it('nobody is subscribed to leaves nothing behind', async () => {
    await seller.endpoints.delete(endpoint.id)
    await seller.emit()
    await seller.work()
    expect([sender.posts, await seller.rows('due/'), await seller.rows('delivery/')]).toEqual([[], [], []])
  })

  it('is promised once to each endpoint, however many workers race for it', async () => {
    for (let n = 0; n < 9; n++) await seller.endpoints.create({ url: `https://${n}.example.com` })
    for (let n = 0; n < 5; n++) await seller.emit()
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 5 }, () => seller.worker.tick()))
    expect(sender.posts).toHaveLength(50)
    expect(new Set(sender.posts.map(({ url, headers }) => `${url} ${headers['webhook-id']}`)).size).toBe(50)
  })
})

describe('an event of any size', () => {
  /** Takes no more in a commit than every store does. */
  function strict(store: Store): Store {
    return {
      ...store,
      async commit(writes) {
        const sizes = writes.map(({ value }) => (value === null ? 0 : JSON.stringify(value).length))
        if (sizes.reduce((sum, size) => sum + size) > 512 * 1024) throw new Error('the commit is too large')
        return store.commit(writes)
      },
    }
  }

  it('is promised to a hundred endpoints, once each', async () => {
    const clock = () => seller.now()
    seller = createSeller({ send: sender.send }, strict(memory({ clock })))
    for (let n = 0; n < 100; n++) await seller.endpoints.create({ url: `https://e${n}.example.com/` })
    // What a vault may say of itself, and a path that a server takes.
    const facts = { summary: '\u0001'.repeat(4000), route: `GET /${'x'.repeat(16_000)}` }
    await seller.emit('vault.sealed', { summary: facts.summary })
    await seller.emit('payment.settled', { route: facts.route })
    await seller.work()
    const told = sender.posts.map(({ url, headers }) => `${url} ${headers['webhook-id']}`)
    expect(told).toHaveLength(200)
    expect(new Set(told).size).toBe(200)
    expect(await seller.rows('due/')).toEqual([])
    expect(await seller.rows('dead/')).toEqual([])
  })
})

describe('an endpoint that does not take a message', () => {
  it('gets it again on schedule, with the same id, a fresh time and a fresh signature (case 40)', async () => {
    sender.script.push(500, 500)
    await seller.emit()
    await seller.work()
    expect(sender.posts).toHaveLength(1)
    seller.advance(5 * SECOND - 1)
    await seller.work()
    expect(sender.posts).toHaveLength(1)
    expect(await workAtNext()).toBe(1)
    expect(await workAtNext()).toBe(10 * SECOND)
    expect(secondsOf()).toEqual([0, 5, 15])
    expect(new Set(idsOf()).size).toBe(1)
    expect(new Set(sender.posts.map(({ body }) => body)).size).toBe(1)
    expect(new Set(sender.posts.map(({ headers }) => headers['webhook-signature'])).size).toBe(3)
    for (const { body, headers } of sender.posts) {
      const clock = () => Number(headers['webhook-timestamp']) * 1000
      expect(() => verifyWebhook(body, headers, endpoint.secret, { clock })).not.toThrow()
    }
    const [delivery] = await deliveries()
    expect(delivery).toMatchObject({ status: 'delivered' })
    expect(delivery?.attempts.map(({ status }) => status)).toEqual([500, 500, 200])
  })

  it.each([100, 199, 301, 302, 307, 400, 401, 404, 409, 422, 500, 502])(
    'because it answers %i is tried again',
    async (status) => {
      const answering = createSeller({ send: async () => ({ status, headers: new Headers(), body: null }) })
      const { id } = await answering.endpoints.create({ url: URL_A })
      await answering.emit()
      await answering.work()
      expect((await answering.endpoints.deliveries(id)).deliveries).toEqual([
        expect.objectContaining({ status: 'pending', attempts: [{ status, at: NOW, ms: 0, error: null }] }),
      ])
      expect(await answering.rows('due/')).toEqual([
        expect.objectContaining({ lastError: `answered ${status}`, attempts: 1 }),
      ])
    },
  )

  it.each([200, 201, 202, 204, 299])('but answers %i has taken it', async (status) => {
    sender.script.push({ status })
    await seller.emit()
    await seller.work()
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'delivered' })])
  })

  it('is given up after three days, as a dead letter', async () => {
    sender.script.push(...Array<number>(100).fill(500))
    await seller.emit()
    await seller.work()
    const waits: number[] = []
    while ((await seller.rows('due/')).length > 0) waits.push(await workAtNext())
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40].map((seconds) => seconds * SECOND))
    expect(Math.max(...waits)).toBe(12 * HOUR)
    expect(seller.now() - NOW).toBeGreaterThan(2.5 * DAY)
    expect(seller.now() - NOW).toBeLessThanOrEqual(3 * DAY)
    expect(sender.posts).toHaveLength(waits.length + 1)
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'dead' })])
    expect(await seller.rows('dead/')).toEqual([
      expect.objectContaining({ kind: 'webhook', lastError: 'answered 500' }),
    ])
  })

  it('because nobody answers is tried again, and the log says why', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' })
    sender.script.push(refused, new Error('too strange'))
    await seller.emit()
    await seller.work()
    await workAtNext()
    await workAtNext()
    const [delivery] = await deliveries()
    expect(delivery?.attempts.map(({ status, error }) => status ?? error)).toEqual([
      'ECONNREFUSED',
      'too strange',
      200,
    ])
    expect(JSON.stringify(delivery)).not.toContain('10.0.0.1')
  })

  it('is tried again whatever its sender throws, and the log has of it what a store can hold', async () => {
    sender.script.push(new Error(`\0${'x'.repeat(198)}😀`), Object.assign(new Error(), { code: '\ud83d\0' }))
    await seller.emit()
    await seller.work()
    await workAtNext()
    await workAtNext()
    expect(await deliveries()).toMatchObject([
      {
        status: 'delivered',
        attempts: [{ error: `\ufffd${'x'.repeat(198)}\ufffd` }, { error: '\ufffd\ufffd' }, { status: 200 }],
      },
    ])
  })

  it('keeps the last 20 tries and the start of the last answer', async () => {
    sender.script.push(
      ...Array.from({ length: 30 }, (_, n) => ({
        status: 429,
        headers: { 'retry-after': '1' },
        body: `${n} \0 ${'x'.repeat(100_000)}`,
      })),
    )
    await seller.emit()
    await seller.work()
    for (let n = 0; n < 14; n++) await workAtNext()
    const [{ id } = { id: '' }] = await deliveries()
    expect(await seller.endpoints.replay(id)).toMatchObject({ status: 'pending' })
    while ((await deliveries())[0]?.status === 'pending') await workAtNext()
    await seller.endpoints.replay(id)
    await seller.work()
    for (let n = 0; n < 5; n++) await workAtNext()
    const [delivery] = await deliveries()
    expect(delivery?.attempts).toHaveLength(20)
    expect(delivery?.answer).toMatch(/^\d+ \ufffd x+$/)
    expect(delivery?.answer?.length).toBe(1024)
  })
})

describe('Retry-After', () => {
  const waitAfter = async (status: number, field: string) => {
    sender.script.push({ status, headers: { 'retry-after': field } })
    await seller.emit()
    await seller.work()
    return workAtNext()
  }

  it.each([429, 503])('of a %i is obeyed, in seconds and as a date (case 40)', async (status) => {
    expect(await waitAfter(status, '120')).toBe(120 * SECOND)
    expect(await waitAfter(status, new Date(seller.now() + HOUR).toUTCString())).toBe(HOUR)
    expect(sender.posts).toHaveLength(4)
  })

  it('is obeyed for a day at most, and three days of it are enough', async () => {
    sender.script.push(
      ...Array.from({ length: 9 }, () => ({ status: 503, headers: { 'retry-after': '99999999' } })),
    )
    await seller.emit()
    await seller.work()
    const waits: number[] = []
    while ((await seller.rows('due/')).length > 0) waits.push(await workAtNext())
    expect(waits).toEqual([DAY, DAY, DAY])
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'dead' })])
  })

  it.each(['0', '1', 'Mon, 01 Jan 2001 00:00:00 GMT', '1.5', '-5', 'soon', '2030-06-01', ''])(
    '%j does not hurry the schedule',
    async (field) => {
      expect(await waitAfter(429, field)).toBe(5 * SECOND)
    },
  )

  it('of any other answer does not count', async () => {
    expect(await waitAfter(500, '120')).toBe(5 * SECOND)
  })
})

describe('an endpoint that answers 410', () => {
  it('is disabled and told of nothing more, until it is enabled again (case 40)', async () => {
    sender.script.push(410)
    await seller.emit()
    await seller.work()
    expect(await seller.endpoints.get(endpoint.id)).toMatchObject({ enabled: false, disabledReason: 'gone' })
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'dead' })])
    expect([await seller.rows('due/'), await seller.rows('dead/')]).toEqual([[], []])
    await seller.emit()
    await seller.work()
    expect(sender.posts).toHaveLength(1)
    expect(await seller.endpoints.update(endpoint.id, { enabled: true })).toMatchObject({
      enabled: true,
      disabledReason: null,
    })
    await seller.emit()
    await seller.work()
    expect(sender.posts).toHaveLength(2)
  })

  it('loses no rotation that happens meanwhile', async () => {
    let hasRotated = false
    const racing = createSeller({
      send: async () => {
        if (!hasRotated) await racing.endpoints.rotateSecret(id)
        hasRotated = true
        return new Response(null, { status: 410 })
      },
    })
    const { id } = await racing.endpoints.create({ url: URL_A })
    await racing.emit()
    await racing.work()
    expect(await racing.endpoints.get(id)).toMatchObject({ enabled: true })
    racing.advance(LEASE_MS)
    await racing.work()
    expect(await racing.endpoints.get(id)).toMatchObject({ enabled: false, disabledReason: 'gone' })
    const [stored] = await racing.rows('webhook/')
    expect(stored?.['secrets']).toHaveLength(2)
  })
})

describe('a message that waits', () => {
  beforeEach(async () => {
    sender.script.push(500)
    await seller.emit()
    await seller.work()
  })

  it('is given up when its endpoint is disabled or deleted, and nothing is posted', async () => {
    await seller.endpoints.update(endpoint.id, { enabled: false })
    await workAtNext()
    expect(sender.posts).toHaveLength(1)
    expect((await deliveries())[0]).toMatchObject({
      status: 'dead',
      attempts: [{}, { error: 'the endpoint is disabled' }],
    })
    await seller.endpoints.delete(endpoint.id)
    await seller.endpoints.replay((await deliveries())[0]?.id ?? '')
    await seller.work()
    expect(sender.posts).toHaveLength(1)
    expect((await deliveries())[0]).toMatchObject({
      status: 'dead',
      attempts: [{}, {}, { error: 'the endpoint was deleted' }],
    })
  })

  it('goes to the new URL of its endpoint', async () => {
    await seller.endpoints.update(endpoint.id, { url: 'https://new.example.com/' })
    await workAtNext()
    expect(sender.posts.map(({ url }) => url)).toEqual([URL_A, 'https://new.example.com/'])
  })

  it('is left alone by a replay', async () => {
    const [delivery] = await deliveries()
    expect(await seller.endpoints.replay(delivery?.id ?? '')).toEqual(delivery)
    expect(await seller.rows('due/')).toHaveLength(1)
  })
})

describe('a replay', () => {
  it('sends a delivered message again, the same with the same id', async () => {
    await seller.emit()
    await seller.work()
    seller.advance(DAY)
    const [delivery] = await deliveries()
    expect(await seller.endpoints.replay(delivery?.id ?? '')).toMatchObject({ status: 'pending' })
    await seller.work()
    expect(sender.posts).toHaveLength(2)
    expect(new Set(idsOf()).size).toBe(1)
    expect(secondsOf()).toEqual([0, DAY / SECOND])
    expect(sender.posts[1]?.body).toBe(sender.posts[0]?.body)
    expect((await deliveries())[0]).toMatchObject({ status: 'delivered', attempts: [{}, {}] })
  })

  it('revives a dead letter for another three days', async () => {
    sender.script.push(...Array<number>(40).fill(500))
    await seller.emit()
    for (await seller.work(); (await seller.rows('due/')).length > 0; ) await workAtNext()
    const tries = sender.posts.length
    seller.advance(10 * DAY)
    const [delivery] = await deliveries()
    await seller.endpoints.replay(delivery?.id ?? '')
    expect(await seller.rows('dead/')).toEqual([])
    await seller.work()
    expect(await workAtNext()).toBe(5 * SECOND)
    expect(sender.posts).toHaveLength(tries + 2)
    expect((await deliveries())[0]).toMatchObject({ status: 'pending' })
  })

  it('asked for many times at once sends one message', async () => {
    await seller.emit()
    await seller.work()
    const [delivery] = await deliveries()
    await Promise.all(Array.from({ length: 20 }, () => seller.endpoints.replay(delivery?.id ?? '')))
    await seller.work()
    expect(sender.posts).toHaveLength(2)
  })

  it('asked for twice, a little later each time, sends one message', async () => {
    const slow = memory({ clock: () => seller.now() })
    const commit: Store['commit'] = async (writes) => {
      seller.advance(1)
      return slow.commit(writes)
    }
    seller = createSeller({ send: sender.send }, { ...slow, commit })
    endpoint = await seller.endpoints.create({ url: URL_A })
    await seller.emit()
    await seller.work()
    const [delivery] = await deliveries()
    await Promise.all(Array.from({ length: 5 }, () => seller.endpoints.replay(delivery?.id ?? '')))
    expect(await seller.rows('due/')).toHaveLength(1)
  })

  it.each(['', 'nothing', 'wh_1.000000000000000.evt_1', '../webhook', '\0', 'x'.repeat(10_000)])(
    'of %j finds nothing',
    async (id) => {
      expect(await seller.endpoints.replay(id)).toBeNull()
    },
  )
})

describe('a worker that dies', () => {
  /** A store that fails at the commits that end a delivery, the first so many of them. */
  function failingAtEnd(store: Store, times: number): Store & { ends: number } {
    const failing = {
      ...store,
      ends: 0,
      async commit(writes: Parameters<Store['commit']>[0]) {
        const ends =
          writes.some(({ key }) => key.startsWith('delivery/')) &&
          writes.some(({ key, value }) => key.includes('webhook:') && value === null)
        if (ends && failing.ends++ < times) throw new Error('killed')
        return store.commit(writes)
      },
    }
    return failing
  }

  it('between the post and its commit has the message sent again, with the same id (case 40)', async () => {
    const store = failingAtEnd(memory({ clock: () => seller.now() }), 1)
    seller = createSeller({ send: sender.send }, store)
    endpoint = await seller.endpoints.create({ url: URL_A })
    await seller.emit()
    await expect(seller.work()).rejects.toThrow('killed')
    expect(sender.posts).toHaveLength(1)
    await seller.work()
    expect(sender.posts).toHaveLength(1)
    seller.advance(LEASE_MS)
    await seller.work()
    expect(store.ends).toBe(2)
    expect(secondsOf()).toEqual([0, LEASE_MS / SECOND])
    expect(new Set(idsOf()).size).toBe(1)
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'delivered' })])
  })

  it('again and again does not use up the tries of a message', async () => {
    const store = failingAtEnd(memory({ clock: () => seller.now() }), 40)
    seller = createSeller({ send: sender.send }, store)
    endpoint = await seller.endpoints.create({ url: URL_A })
    sender.script.push(...Array<number>(41).fill(500))
    await seller.emit()
    for (let n = 0; n < 40; n++) {
      await expect(seller.work()).rejects.toThrow('killed')
      seller.advance(LEASE_MS)
    }
    await seller.work()
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'pending' })])
    await workAtNext()
    expect(await deliveries()).toEqual([expect.objectContaining({ status: 'delivered' })])
    expect(sender.posts).toHaveLength(42)
  })
})

describe('the log', () => {
  it('lists newest first, page by page, one endpoint only', async () => {
    const other = await seller.endpoints.create({ url: 'https://b.example.com', events: ['payment.failed'] })
    for (let n = 0; n < 45; n++) {
      await seller.emit('payment.settled', { n })
      seller.advance(SECOND)
    }
    await seller.work()
    const seen: number[] = []
    let cursor: string | null | undefined
    do {
      const page = await seller.endpoints.deliveries(
        endpoint.id,
        cursor ? { cursor, limit: 15 } : { limit: 15 },
      )
      expect(page.deliveries).toHaveLength(15)
      seen.push(...page.deliveries.map(({ body }) => JSON.parse(body).data.n))
      cursor = page.cursor
    } while (cursor !== null)
    expect(seen).toEqual(Array.from({ length: 45 }, (_, n) => 44 - n))
    expect(await seller.endpoints.deliveries(other.id)).toEqual({ deliveries: [], cursor: null })
    expect((await seller.endpoints.deliveries(endpoint.id)).deliveries).toHaveLength(20)
  })

  it('keeps a delivery for 30 days after its last try', async () => {
    await seller.emit()
    await seller.work()
    seller.advance(30 * DAY - 1)
    expect(await deliveries()).toHaveLength(1)
    seller.advance(1)
    expect(await deliveries()).toEqual([])
  })

  it('refuses limits and cursors that are none', async () => {
    const refused = { code: 'invalid-option' }
    for (const limit of [0, 101, 1.5, Number.NaN]) {
      await expect(seller.endpoints.deliveries(endpoint.id, { limit })).rejects.toMatchObject(refused)
    }
    for (const cursor of ['', 'wh_other.1', `${endpoint.id}.\0`, 'x'.repeat(1000)]) {
      await expect(seller.endpoints.deliveries(endpoint.id, { cursor })).rejects.toMatchObject(refused)
    }
    expect(await seller.endpoints.deliveries('\0')).toEqual({ deliveries: [], cursor: null })
  })
})

describe('while a secret replaces another', () => {
  it('messages are signed with both, and after the time of grace with the new one alone', async () => {
    seller = createSeller({ send: sender.send, rotationGrace: 3600 })
    endpoint = await seller.endpoints.create({ url: URL_A })
    const rotated = await seller.endpoints.rotateSecret(endpoint.id)
    const next = rotated?.secret ?? ''
    const verifies = async (secret: string) => {
      sender.posts.length = 0
      await seller.emit()
      await seller.work()
      const [post] = sender.posts
      const clock = { clock: seller.now }
      try {
        verifyWebhook(post?.body ?? '', post?.headers ?? {}, secret, clock)
        return true
      } catch {
        return false
      }
    }
    expect([await verifies(endpoint.secret), await verifies(next)]).toEqual([true, true])
    seller.advance(HOUR - 1)
    expect([await verifies(endpoint.secret), await verifies(next)]).toEqual([true, true])
    seller.advance(1)
    expect([await verifies(endpoint.secret), await verifies(next)]).toEqual([false, true])

    const third = (await seller.endpoints.rotateSecret(endpoint.id))?.secret ?? ''
    seller.advance(HOUR / 2)
    await seller.endpoints.rotateSecret(endpoint.id)
    seller.advance(HOUR / 2)
    expect([await verifies(next), await verifies(third)]).toEqual([false, true])
  })
})

describe('rules that have become stricter', () => {
  it('keep messages from endpoints that they would not let in', async () => {
    const store = memory({ clock: () => seller.now() })
    const before = createSeller({ send: sender.send, allowHttp: true, allowAddress: () => true }, store)
    const { id } = await before.endpoints.create({ url: 'http://127.0.0.1/' })
    const after = createSeller({ send: sender.send }, store)
    await after.emit()
    await after.work()
    expect(sender.posts).toEqual([])
    expect((await after.endpoints.deliveries(id)).deliveries[0]?.attempts[0]?.error).toBe(
      'expected an https URL',
    )
  })
})
