import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { type WebhooksOptions, webhooks } from '../../src/webhooks/index.ts'
import { verifyWebhook } from '../../src/webhooks/signature.ts'
import { createSeller, NOW, scriptedSender, URL_A } from './seller.ts'

const { send } = scriptedSender()
const refused = { code: 'invalid-option' }

describe('an endpoint', () => {
  it('shows its secret once, when it is made and when it gets another', async () => {
    const { endpoints } = createSeller({ send })
    const { secret, ...endpoint } = await endpoints.create({ url: URL_A, events: ['payment.settled'] })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^wh_[\w-]{22}$/),
      url: URL_A,
      events: ['payment.settled'],
      enabled: true,
      disabledReason: null,
      createdAt: NOW,
    })
    expect(await endpoints.get(endpoint.id)).toEqual(endpoint)
    expect(await endpoints.list()).toEqual([endpoint])
    expect(await endpoints.update(endpoint.id, {})).toEqual(endpoint)
    const { secret: next, ...rotated } = (await endpoints.rotateSecret(endpoint.id)) ?? { secret: '' }
    expect(next).toMatch(/^whsec_/)
    expect(next).not.toBe(secret)
    expect(rotated).toEqual(endpoint)
  })

  it('is told of everything unless it says of what, and can be changed and deleted', async () => {
    const { endpoints } = createSeller({ send })
    const { id } = await endpoints.create({ url: 'HTTPS://Hooks.Example.COM:443/a/../b?c' })
    expect(await endpoints.get(id)).toMatchObject({ events: '*', url: 'https://hooks.example.com/b?c' })
    const changes = {
      url: 'https://other.example.com/',
      events: ['payment.failed', 'payment.failed'],
      enabled: false,
    } as const
    expect(await endpoints.update(id, changes)).toMatchObject({
      ...changes,
      events: ['payment.failed'],
      disabledReason: null,
    })
    expect(await endpoints.get(id)).toMatchObject({ url: 'https://other.example.com/', enabled: false })
    expect(await endpoints.delete(id)).toBe(true)
    expect([await endpoints.get(id), await endpoints.list(), await endpoints.delete(id)]).toEqual([
      null,
      [],
      false,
    ])
  })

  it.each(['', 'wh_', 'wh_unknown', 'pay_1', 'wh_a/b', '\0', 'wh_\ud800', `wh_${'x'.repeat(1000)}`])(
    'is not %j',
    async (id) => {
      const { endpoints } = createSeller({ send })
      expect(await endpoints.get(id)).toBeNull()
      expect(await endpoints.update(id, { enabled: true })).toBeNull()
      expect(await endpoints.rotateSecret(id)).toBeNull()
      expect(await endpoints.delete(id)).toBe(false)
    },
  )

  it.each([
    'http://example.com/',
    'ftp://example.com/',
    'data:text/plain,a',
    'example.com',
    '/hooks',
    '',
    'https://',
    'https://user:hunter2@example.com/',
    'https://hunter2@example.com/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'https://localhost./',
    'https://printer.local/',
    'https://intranet/',
    `https://example.com/${'x'.repeat(2048)}`,
    null,
    7,
  ])('cannot have the URL %j (case 39)', async (url) => {
    const { endpoints } = createSeller({ send })
    const { id } = await endpoints.create({ url: URL_A })
    const message = expect.not.stringContaining('hunter2')
    await expect(endpoints.create({ url: url as string })).rejects.toMatchObject({ ...refused, message })
    await expect(endpoints.update(id, { url: url as string })).rejects.toMatchObject({ ...refused, message })
    expect(await endpoints.list()).toEqual([expect.objectContaining({ url: URL_A })])
  })

  it('can have one of the local network where that is allowed', async () => {
    const { endpoints } = createSeller({
      send,
      allowHttp: true,
      allowAddress: (address) => address.startsWith('10.'),
    })
    for (const url of [
      'http://10.1.2.3:8080/',
      'http://intranet/',
      'https://printer.local/',
      'http://example.com/',
    ]) {
      expect(await endpoints.create({ url })).toMatchObject({ url })
    }
    await expect(endpoints.create({ url: 'http://127.0.0.1/' })).rejects.toMatchObject(refused)
    await expect(endpoints.create({ url: 'ftp://example.com/' })).rejects.toMatchObject(refused)
  })

  it.each([[], ['payment.setled'], 'payment.settled', ['*'], {}, 7])(
    'cannot be told of %j',
    async (events) => {
      const { endpoints } = createSeller({ send })
      await expect(endpoints.create({ url: URL_A, events: events as '*' })).rejects.toMatchObject(refused)
    },
  )

  it('has no other members', async () => {
    const { endpoints } = createSeller({ send })
    const { id } = await endpoints.create({ url: URL_A })
    await expect(endpoints.create({ url: URL_A, secret: 'mine' } as { url: string })).rejects.toMatchObject(
      refused,
    )
    await expect(endpoints.update(id, { createdAt: 0 } as object)).rejects.toMatchObject(refused)
    await expect(endpoints.update(id, { enabled: 'yes' } as object)).rejects.toMatchObject(refused)
  })

  it('is listed after those that are older', async () => {
    const seller = createSeller({ send })
    const ids: string[] = []
    for (let n = 0; n < 12; n++) {
      ids.push((await seller.endpoints.create({ url: URL_A })).id)
      seller.advance(1)
    }
    expect((await seller.endpoints.list()).map(({ id }) => id)).toEqual(ids)
  })

  it('is one of a hundred at most', async () => {
    const { endpoints } = createSeller({ send })
    for (let n = 0; n < 100; n++) await endpoints.create({ url: URL_A })
    await expect(endpoints.create({ url: URL_A })).rejects.toMatchObject(refused)
    expect(await endpoints.list()).toHaveLength(100)
  })

  it('loses none of many changes at once', async () => {
    const seller = createSeller({ send })
    const { id } = await seller.endpoints.create({ url: URL_A })
    await Promise.all([
      seller.endpoints.update(id, { events: ['payment.failed'] }),
      seller.endpoints.update(id, { url: 'https://b.example.com/' }),
      seller.endpoints.update(id, { enabled: false }),
      ...Array.from({ length: 5 }, () => seller.endpoints.rotateSecret(id)),
    ])
    expect(await seller.endpoints.get(id)).toMatchObject({
      events: ['payment.failed'],
      url: 'https://b.example.com/',
      enabled: false,
    })
    expect((await seller.rows('webhook/'))[0]?.['secrets']).toHaveLength(6)
  })
})

describe('secrets in the store', () => {
  const OLD = 'the old secret of the configuration'
  const NEXT = 'the next secret of the configuration'

  it('cannot be used by who has a dump of it (case 26)', async () => {
    const seller = createSeller({ send })
    const created = await seller.endpoints.create({ url: URL_A })
    const rotated = await seller.endpoints.rotateSecret(created.id)
    await seller.emit()
    await seller.work()
    const dump = JSON.stringify(await seller.store.list({ start: '\u0001', end: '~' }, { limit: 1000 }))
    expect(dump).toContain(created.id)
    for (const secret of [created.secret, rotated?.secret ?? '']) {
      const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
      for (const form of [
        secret.slice('whsec_'.length),
        bytes.toString('base64url'),
        bytes.toString('hex'),
      ]) {
        expect(dump).not.toContain(form)
      }
    }
    expect(dump).not.toContain('whsec_')
  })

  const openedBy = async (secrets: string[], store = memory(), create = true) => {
    const sender = scriptedSender()
    const seller = createSeller({ send: sender.send }, store, secrets)
    const created = create ? await seller.endpoints.create({ url: URL_A }) : null
    await seller.emit()
    await seller.work()
    return { seller, created, sender, store }
  }

  it('are opened by any secret of the configuration, and sealed by the first', async () => {
    const { created, store } = await openedBy([OLD])
    const both = await openedBy([NEXT, OLD], store, false)
    const [post] = both.sender.posts
    const clock = both.seller.now
    expect(() =>
      verifyWebhook(post?.body ?? '', post?.headers ?? {}, created?.secret ?? '', { clock }),
    ).not.toThrow()
    expect(both.sender.posts).toHaveLength(1)
    await both.seller.endpoints.rotateSecret(created?.id ?? '')
    const nextOnly = await openedBy([NEXT], store, false)
    expect(nextOnly.sender.posts).toHaveLength(1)
  })

  it('that no secret opens keep messages back, with the reason in the log, until they are rotated', async () => {
    const { created, store } = await openedBy([OLD])
    const { seller, sender } = await openedBy([NEXT], store, false)
    expect(sender.posts).toEqual([])
    const { deliveries } = await seller.endpoints.deliveries(created?.id ?? '')
    const waiting = deliveries.find(({ status }) => status === 'pending')
    expect(waiting?.attempts[0]?.error).toContain('configuration secret that is gone')
    await seller.endpoints.rotateSecret(created?.id ?? '')
    seller.advance(5000)
    await seller.work()
    expect(sender.posts).toHaveLength(1)
  })

  it('are of no use to another endpoint', async () => {
    const sender = scriptedSender()
    const seller = createSeller({ send: sender.send })
    const one = await seller.endpoints.create({ url: URL_A })
    const other = await seller.endpoints.create({ url: 'https://b.example.com/' })
    const entry = await seller.store.get(`webhook/${one.id}`)
    const secrets = entry?.value['secrets'] ?? []
    const target = await seller.store.get(`webhook/${other.id}`)
    await seller.store.commit([{ key: `webhook/${other.id}`, value: { ...target?.value, secrets } }])
    await seller.emit()
    await seller.work()
    expect(sender.posts.map(({ url }) => url)).toEqual([URL_A])
  })
})

describe('options', () => {
  it.each([
    [{ rotationGrace: -1 }],
    [{ rotationGrace: 604_801 }],
    [{ rotationGrace: Number.NaN }],
    [{ alowHttp: true }],
  ])('that are none are refused by name: %j', (options) => {
    const name = Object.keys(options)[0] ?? ''
    expect(() => webhooks(options as WebhooksOptions)).toThrow(
      expect.objectContaining({ ...refused, message: expect.stringContaining(`webhooks.${name}`) }),
    )
  })
})
