import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import type { PayFetchOptions } from '../../src/client/engine.ts'
import { paymentOf } from '../../src/client/paid-answer.ts'
import type { PayEvent } from '../../src/client/pay-event.ts'
import { CofferError } from '../../src/problems/error.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import { errorOf } from './agents.ts'
import { ask, createClient, createMarkets, paymentResponse, requirement } from './market.ts'

const market = createMarkets()

/** A market that asks for a cent, and answers payments by a script, of which the last line is for all that follow. */
async function scripted(...script: readonly (() => Response | Promise<Response>)[]) {
  let paid = 0
  const opened = await market(({ request, isPaid }) => {
    if (!isPaid) return ask(request.url)
    const line = script[Math.min(paid++, script.length - 1)]
    return line ? line() : new Response('ok')
  })
  return { ...opened, paid: () => paid }
}

const ok = () => new Response('ok', { headers: paymentResponse() })
const problem =
  (status: number, code: string, headers = {}) =>
  () =>
    Response.json({ code, detail: code }, { status, headers })

/** A client that waits for a minute if need be, in real time as short as the server lets it. */
function patient(options: Partial<PayFetchOptions> = {}) {
  const events: PayEvent[] = []
  const pay = createClient({ patienceMs: 60_000, onEvent: (event) => events.push(event), ...options })
  return { pay, events, retries: () => events.filter(({ type }) => type === 'retrying').length }
}

describe('while the outcome is not known, the same credential is sent again', () => {
  it.each([
    ['503 settlement-unknown', problem(503, 'settlement-unknown')],
    ['503 of a proxy', () => new Response('<h1>busy</h1>', { status: 503 })],
    ['502', () => new Response(null, { status: 502 })],
    ['504', () => new Response(null, { status: 504 })],
    ['429', problem(429, 'rate-limit-exceeded')],
    ['409 payment-in-flight', problem(409, 'payment-in-flight')],
  ])('%s', async (_what, line) => {
    const { url, requests, credentials, paid } = await scripted(line, line, ok)
    const { pay, retries } = patient()
    const answer = await pay(url, { method: 'POST', body: 'x' })
    expect([answer.status, paid(), credentials().length, retries()]).toEqual([200, 3, 1, 2])
    const keys = new Set(requests.slice(1).map(({ headers }) => headers['idempotency-key']))
    expect([keys.size, [...keys][0]?.length]).toEqual([1, 32])
    expect(new Set(requests.map(({ body }) => body))).toEqual(new Set(['x']))
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('a connection that breaks', async () => {
    let times = 0
    const { url, credentials } = await scripted(ok)
    const { pay } = patient({
      async fetch(input) {
        const request = new Request(input)
        const answer = await fetch(request)
        if (request.headers.has('payment-signature') && times++ < 2)
          throw new TypeError('the connection broke')
        return answer
      },
    })
    expect(paymentOf(await pay(url))?.receipt.status).toBe('matches')
    expect([credentials().length, times]).toEqual([1, 3])
  })

  it('an answer that does not begin in time', async () => {
    const { url, credentials, paid } = await scripted(() => new Promise(() => {}), ok)
    const { pay } = patient({ answerTimeoutMs: 200 })
    expect((await pay(url)).status).toBe(200)
    expect([credentials().length, paid()]).toEqual([1, 2])
  })

  it('the caller names the request itself, if it likes', async () => {
    const { url, requests } = await scripted(problem(503, 'x'), ok)
    await patient().pay(url, { headers: { 'idempotency-key': 'order-17' } })
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual([
      'order-17',
      'order-17',
      'order-17',
    ])
  })
})

describe('when patience ends', () => {
  it('the error names the attempt and what the server said, and resuming it has the answer', async () => {
    const { url, credentials } = await scripted(
      problem(503, 'settlement-unknown', { 'retry-after': '7' }),
      ok,
    )
    const pay = createClient()
    const error = await errorOf(pay(url, { method: 'POST', body: 'x' }))
    expect(error).toMatchObject({
      code: 'payment-unresolved',
      retryAfter: 7,
      message: expect.stringContaining('503: settlement-unknown'),
    })
    const attempt = String(error['attempt'])
    expect(error.message).toContain(attempt)
    expect(await pay.attempts({ open: true })).toMatchObject([{ id: attempt, state: 'sent', isOpen: true }])

    const answer = await pay.resume(attempt)
    expect([answer?.status, credentials().length]).toEqual([200, 1])
    expect(await pay.attempts({ open: true })).toEqual([])
  })

  it('the same request again has the answer too, and pays nothing', async () => {
    const { url, credentials, requests } = await scripted(problem(503, 'x'), ok)
    const pay = createClient()
    await errorOf(pay(url))
    expect((await pay(url)).status).toBe(200)
    expect([credentials().length, requests.length]).toEqual([1, 3])
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it.each([
    ['another body', { method: 'POST', body: 'y' }],
    ['another method', { method: 'PUT', body: 'x' }],
  ])('another request (%s) is another payment', async (_what, init) => {
    const { url, credentials } = await scripted(problem(503, 'x'), ok)
    const pay = createClient()
    await errorOf(pay(url, { method: 'POST', body: 'x' }))
    await pay(url, init)
    expect(credentials()).toHaveLength(2)
  })

  it('a wait that the server asks for and that is too long is not begun', async () => {
    const { url, paid } = await scripted(problem(503, 'x', { 'retry-after': '999999999' }))
    const error = await errorOf(patient({ patienceMs: 1000 }).pay(url))
    expect([error['retryAfter'], paid()]).toEqual([300, 1])
  })
})

it('what the caller gives up after it was signed can be resumed', async () => {
  const stop = new AbortController()
  const { url, credentials } = await scripted(() => {
    stop.abort(new Error('enough'))
    return new Promise(() => {})
  }, ok)
  const { pay } = patient()
  const error = await errorOf(pay(url, { signal: stop.signal }))
  expect(error).toMatchObject({ code: 'payment-unresolved', cause: { message: 'enough' } })
  expect((await pay.resume(String(error['attempt'])))?.status).toBe(200)
  expect(credentials()).toHaveLength(1)
})

it('what the caller gives up before is what fetch makes of it, and nothing is held back', async () => {
  const { url } = await scripted(ok)
  const pay = createClient()
  expect(await errorOf(pay(url, { signal: AbortSignal.abort(new Error('enough')) }))).toMatchObject({
    message: 'enough',
  })
  expect(await pay.attempts()).toEqual([])
})

describe('what the caller gives up while it is asked', () => {
  const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
  it.each([
    ['whether to pay', true],
    ['to sign', false],
  ])('%s is not paid: nothing is sent, and nothing held back', async (_what, isApproval) => {
    const stop = new AbortController()
    const { url, credentials } = await scripted(ok)
    const pay = createClient({
      wallet: {
        address: account.address,
        signTypedData(data: never) {
          stop.abort(new Error('enough'))
          return account.signTypedData(data)
        },
      },
      policy: {
        approve() {
          if (isApproval) stop.abort(new Error('enough'))
          return true
        },
      },
    })
    expect((await errorOf(pay(url, { signal: stop.signal }))).message).toBe('enough')
    expect(await pay.attempts({ open: true })).toEqual([])
    expect([credentials(), (await pay.spending()).usd]).toEqual([[], { held: '0', spent: '0' }])
  })
})

describe('an answer that is not what was wanted', () => {
  it.each([400, 404, 409, 500])(
    '%i is the handler’s: returned, and the next call redeems the payment',
    async (status) => {
      const { url, credentials } = await scripted(
        () => new Response('no', { status, headers: paymentResponse() }),
        ok,
      )
      const pay = createClient()
      const first = await pay(url)
      expect([first.status, await first.text()]).toEqual([status, 'no'])
      expect(paymentOf(first)).toMatchObject({
        attempt: { state: 'sent', isOpen: true },
        receipt: { status: 'matches' },
      })
      expect((await pay(url)).status).toBe(200)
      expect(credentials()).toHaveLength(1)
    },
  )

  it.each(['duplicate-payment', 'result-unavailable', 'credit-expired'])(
    '409 %s: the money is spent and the answer gone, and the next call pays anew',
    async (code) => {
      const { url, credentials } = await scripted(problem(409, code), ok)
      const pay = createClient()
      expect(await errorOf(pay(url))).toMatchObject({ code: 'answer-lost', attempt: expect.any(String) })
      expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
      expect((await pay(url)).status).toBe(200)
      expect(credentials()).toHaveLength(2)
    },
  )
})

describe('an attempt', () => {
  it('that is given up counts as spent, and the request may be paid anew', async () => {
    const { url, credentials } = await scripted(problem(503, 'x'), ok)
    const pay = createClient()
    const { attempt } = await errorOf(pay(url))
    expect(await pay.abandon(String(attempt))).toMatchObject({ state: 'abandoned', isOpen: false })
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
    await pay(url)
    expect(credentials()).toHaveLength(2)
    expect(await pay.attempts()).toMatchObject([{ state: 'paid' }, { state: 'abandoned' }])
  })

  it('that was answered can be resumed, for servers that keep their answers', async () => {
    const { url, credentials } = await scripted(ok)
    const pay = createClient()
    const { attempt } = paymentOf(await pay(url)) ?? {}
    const again = await pay.resume(attempt?.id ?? '')
    expect([again?.status, await again?.text(), credentials().length]).toEqual([200, 'ok', 1])
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('that was answered stays so, whatever becomes of it when it is resumed', async () => {
    const { url } = await scripted(ok, problem(409, 'duplicate-payment'), problem(402, 'x'))
    const pay = createClient()
    const { attempt } = paymentOf(await pay(url)) ?? {}
    expect(await errorOf(pay.resume(attempt?.id ?? ''))).toMatchObject({ code: 'answer-lost' })
    expect(await errorOf(pay.resume(attempt?.id ?? ''))).toMatchObject({ code: 'payment-rejected' })
    expect(await pay.attempts()).toEqual([attempt])
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('with a long body wants it again; a short one is in the journal', async () => {
    const { url, requests } = await scripted(problem(503, 'x'))
    const pay = createClient()
    const long = 'x'.repeat(100_000)
    const { attempt } = await errorOf(pay(url, { method: 'POST', body: long }))
    expect(await errorOf(pay.resume(String(attempt)))).toMatchObject({ code: 'invalid-option' })
    expect(await errorOf(pay.resume(String(attempt), { body: 'another' }))).toMatchObject({
      code: 'invalid-option',
    })
    await errorOf(pay.resume(String(attempt), { body: long }))
    const short = await errorOf(
      pay(url, {
        method: 'POST',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json', 'x-api-key': 'secret' },
      }),
    )
    await errorOf(pay.resume(String(short['attempt']), { headers: { 'x-api-key': 'secret' } }))
    expect(requests.at(-1)).toMatchObject({
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json', 'x-api-key': 'secret' },
    })
  })

  it('that there is not cannot be resumed or given up', async () => {
    const pay = createClient()
    for (const call of [pay.resume('att_x'), pay.abandon('att_x')]) {
      expect(await errorOf(call)).toMatchObject({ code: 'invalid-option' })
    }
  })

  it('is told of without what could be misused', async () => {
    const { url, credentials } = await scripted(problem(503, 'x'))
    const pay = createClient()
    await errorOf(pay(url, { headers: { cookie: 'secret-cookie', 'x-api-key': 'secret-key' } }))
    const told = JSON.stringify(await pay.attempts())
    expect(told).not.toContain(credentials()[0])
    expect(told).not.toContain('secret')
  })
})

/** A store that ends its process, as far as anybody can tell, after so many commits. */
function dyingStore(store: Store, commits: number): Store {
  let left = commits
  return {
    ...store,
    async commit(writes) {
      if (left-- <= 0) throw new CofferError('store-failed', 'the process has ended')
      return store.commit(writes)
    },
  }
}

describe('a process that ends', () => {
  it.each([
    ['before anything is written', 0, 0],
    ['when the price is held back', 1, 0],
  ])('%s: has sent nothing, and the next one pays', async (_what, commits, sent) => {
    const store = memory()
    const { url, credentials } = await scripted(ok)
    const dying = createClient({ store: dyingStore(store, commits), patienceMs: 60_000 })
    expect(await errorOf(dying(url))).toMatchObject({ code: 'store-failed' })
    expect(credentials()).toHaveLength(sent)
    const next = createClient({ store })
    for (const { id } of await next.attempts({ open: true })) expect(await next.resume(id)).toBeNull()
    expect((await next(url)).status).toBe(200)
    expect(credentials()).toHaveLength(1)
    expect(await next.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('when it is signed: the next one has the answer, and pays nothing', async () => {
    const store = memory()
    const { url, credentials } = await scripted(ok)
    // The answer is handed out although nobody can write down that it came.
    const dying = createClient({ store: dyingStore(store, 2) })
    expect((await dying(url)).status).toBe(200)
    const next = createClient({ store })
    const [attempt] = await next.attempts({ open: true })
    expect((await next.resume(attempt?.id ?? ''))?.status).toBe(200)
    expect(credentials()).toHaveLength(1)
    expect(await next.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('and wakes up after its lease, when another takes it for dead: what it signs meanwhile is not paid twice', async () => {
    const store = memory()
    let now = Date.now()
    const clock = () => now
    const { url, credentials } = await scripted(problem(503, 'x'), ok)
    const [asked, signs] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    const sleeping = createClient({
      store,
      clock,
      wallet: {
        address: account.address,
        async signTypedData(data: never) {
          asked.resolve()
          await signs.promise
          return account.signTypedData(data)
        },
      },
    })
    const first = errorOf(sleeping(url))
    await asked.promise
    now += 30_000
    // The other has read the attempt, as one that nobody has signed, when the sleeper wakes up.
    const slow: Store = {
      ...store,
      async get(key) {
        const entry = await store.get(key)
        if (key.startsWith('client/attempt/') && entry?.value['state'] === 'reserved') {
          signs.resolve()
          await first
        }
        return entry
      },
    }
    const next = createClient({ store: slow, clock })
    expect((await next(url)).status).toBe(200)
    expect(await first).toMatchObject({ code: 'payment-unresolved' })
    expect(credentials()).toHaveLength(1)
    expect(await next.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
  })

  it('leaves a lease behind, which the next one waits for before it takes the attempt up', async () => {
    const store = memory()
    let now = Date.now()
    const clock = () => now
    const { url, credentials } = await scripted(ok)
    await createClient({ store: dyingStore(store, 2), clock })(url)
    const next = createClient({ store, clock })
    expect(await errorOf(next(url))).toMatchObject({
      code: 'payment-unresolved',
      message: expect.stringContaining('Another process'),
    })
    now += 30_000
    expect((await next(url)).status).toBe(200)
    expect(credentials()).toHaveLength(1)
  })
})

it('calls for the same request are requests of their own, each with a payment, and none waits for another', async () => {
  const calls: Promise<Response>[] = []
  const { promise: complete, resolve } = Promise.withResolvers<void>()
  const { url, credentials } = await scripted(async () => {
    // Each begins when the payment of the one before has arrived, and nobody is answered before all are there.
    if (calls.length < 5) calls.push(pay(url))
    else resolve()
    await complete
    return ok()
  })
  const { pay } = patient()
  calls.push(pay(url))
  await complete
  const answers = await Promise.all(calls)
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(credentials()).toHaveLength(5)
})

it('a listener that throws is passed over', async () => {
  const { url } = await scripted(problem(503, 'x'), ok)
  const pay = createClient({
    patienceMs: 60_000,
    onEvent: () => {
      throw new Error('mine')
    },
  })
  expect((await pay(url)).status).toBe(200)
})

it('a listener that rejects is passed over', async () => {
  const { url } = await scripted(ok)
  const pay = createClient({ onEvent: () => Promise.reject(new Error('mine')) })
  expect((await pay(url)).status).toBe(200)
})

it('a price of zero is answered, and counts nothing', async () => {
  const { url } = await market(({ request, isPaid }) =>
    isPaid ? new Response('ok') : ask(request.url, [requirement({ amount: '0' })]),
  )
  const pay = createClient()
  expect(paymentOf(await pay(url))).toMatchObject({ amount: '0', attempt: { state: 'paid' } })
  expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0' } })
})
