import { Challenge } from 'mppx'
import { describe, expect, it, vi } from 'vitest'
import { paymentOf } from '../../src/client/paid-answer.ts'
import type { PaymentError } from '../../src/client/payment-error.ts'
import { authorizationDigest } from '../../src/evm/authorization.ts'
import { verifySigner } from '../../src/evm/signature.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { USDC_ON_BASE_SEPOLIA } from '../../src/payments/stablecoins.ts'
import { readCredential } from '../../src/protocols/x402/credential.ts'
import { contentOf } from '../protocols/x402/fixtures.ts'
import { errorOf } from './agents.ts'
import {
  ask,
  createClient,
  createMarkets,
  paymentRequired,
  paymentResponse,
  requirement,
  SELLER,
  USDC,
} from './market.ts'

const THIEF = '0x7777777777777777777777777777777777777777'

const market = createMarkets()

/** The reasons of a call that must be refused without a signature. */
async function refusalOf(call: Promise<Response>): Promise<readonly string[]> {
  const error = (await errorOf(call)) as unknown as PaymentError
  expect(error).toMatchObject({ name: 'CofferError', code: 'payment-refused', attempt: null })
  expect(error.message).toContain(error.refusals[0]?.detail)
  return error.refusals.map(({ reason }) => reason)
}

describe('a server that is paid and asks again', () => {
  it.each([
    ['the same', {}],
    ['more', { amount: '900000' }],
    ['for somebody else', { payTo: THIEF }],
  ])('%s: gets no second payment, not even when it is asked again', async (_what, change) => {
    const { url, requests, credentials } = await market(({ request, isPaid }) =>
      ask(request.url, [requirement(isPaid ? change : {})]),
    )
    const pay = createClient()
    for (let time = 0; time < 3; time++) {
      const error = await errorOf(pay(url))
      expect(error).toMatchObject({ code: 'payment-rejected', attempt: expect.stringMatching(/^att_/) })
    }
    expect(credentials()).toHaveLength(1)
    expect(requests).toHaveLength(4)
    // It still has the authorization: a cent is held back until that has expired.
    expect(await pay.spending()).toMatchObject({ usd: { held: '0.01', spent: '0' } })
  })

  it('for a price of zero, which moves nothing: nothing is held back', async () => {
    const { url, credentials } = await market(({ request }) =>
      ask(request.url, [requirement({ amount: '0' })]),
    )
    const pay = createClient()
    const { message } = await errorOf(pay(url))
    expect(message).toContain('No money has moved.')
    expect(await pay.attempts()).toMatchObject([{ state: 'failed' }])
    await errorOf(pay(url))
    expect(credentials()).toHaveLength(2)
  })
})

it.each([
  ['another recipient', requirement({ payTo: THIEF }), 'recipient-not-accepted'],
  ['another chain', requirement({ network: 'eip155:1' }), 'network-not-accepted'],
  ['another chain, with a token of ours', requirement({ network: 'eip155:8453' }), 'asset-not-accepted'],
  ['another token', requirement({ asset: THIEF }), 'asset-not-accepted'],
  ['more than one payment may be', requirement({ amount: '500001' }), 'too-expensive'],
  ['more than there is in the world', requirement({ amount: (2n ** 256n - 1n).toString() }), 'too-expensive'],
  ['a scheme of its own', requirement({ scheme: 'upto' }), 'unreadable'],
  ['an amount that is not one', requirement({ amount: '1e3' }), 'unreadable'],
] as const)('%s: refused, and nothing is signed', async (_what, asked, reason) => {
  const { url, requests } = await market(({ request }) => ask(request.url, [asked]))
  const pay = createClient({ budget: { payment: '0.50' }, policy: { recipients: [SELLER] } })
  expect(await refusalOf(pay(url))).toEqual([reason])
  expect(requests).toHaveLength(1)
  expect(await pay.attempts()).toEqual([])
})

it('a recipient that a promise speaks for is not paid', async () => {
  const { url, credentials } = await market(({ request }) => ask(request.url))
  const recipients = (async () => false) as never
  expect(await refusalOf(createClient({ policy: { recipients } })(url))).toEqual(['recipient-not-accepted'])
  expect(credentials()).toEqual([])
})

it('several offers: every one that is refused has its reason, and the best of the rest is paid', async () => {
  const accepts = [
    requirement({ payTo: THIEF, amount: '1' }),
    requirement({ amount: '30000' }),
    requirement({ amount: '20000' }),
    requirement({ scheme: 'upto' }),
  ]
  const { url } = await market(({ request, isPaid }) =>
    isPaid ? new Response('ok') : ask(request.url, accepts),
  )
  const pay = createClient({ policy: { recipients: [SELLER] } })
  expect(paymentOf(await pay(url))).toMatchObject({ amount: '0.02' })
  expect(await refusalOf(pay(url, { max: '0.01' }))).toEqual([
    'unreadable',
    'recipient-not-accepted',
    'too-expensive',
    'too-expensive',
  ])
})

describe('the resource of an offer', () => {
  it.each([
    'https://shop.example/report',
    'http://127.0.0.1:1/report',
    '/other',
    '/report?topic=wasps',
    'http://[',
  ])('%s: refused, because it was not asked for', async (resource) => {
    const { url } = await market(() => ask(resource))
    expect(await refusalOf(createClient()(`${url}/report?topic=bees`))).toEqual(['resource-mismatch'])
  })

  it.each(['', '?topic=bees'])(
    'may be of another scheme and lack the query (%j), as behind a proxy',
    async (query) => {
      const { url } = await market(({ request, isPaid }) =>
        isPaid ? new Response('ok') : ask(request.url.replace('http:', 'https:').split('?')[0] + query),
      )
      expect((await createClient()(`${url}/report?topic=bees`)).status).toBe(200)
    },
  )
})

describe('a redirect', () => {
  it('to another origin that asks for payment: refused, and neither gets a credential', async () => {
    const thief = await market(({ request }) => ask(request.url))
    const shop = await market(() => Response.redirect(`${thief.url}/report`))
    expect(await refusalOf(createClient()(`${shop.url}/report`))).toEqual(['redirected'])
    expect([shop.credentials(), thief.credentials()]).toEqual([[], []])
  })

  it.each([302, 307, 308])('with %i of a request that pays: not followed', async (status) => {
    const thief = await market(() => new Response('thanks'))
    const shop = await market(({ request, isPaid }) =>
      isPaid ? new Response(null, { status, headers: { location: thief.url } }) : ask(request.url),
    )
    const answer = await createClient()(shop.url)
    expect([answer.status, answer.headers.get('location')]).toEqual([status, thief.url])
    expect([shop.credentials().length, thief.requests.length]).toEqual([1, 0])
  })

  it('within the origin, of a GET: paid where it led', async () => {
    const { url, requests } = await market(({ request, isPaid }) => {
      if (new URL(request.url).pathname === '/report')
        return Response.redirect(`${new URL(request.url).origin}/report/`)
      return isPaid ? new Response('ok') : ask(request.url)
    })
    expect((await createClient()(`${url}/report`)).status).toBe(200)
    expect(requests.map((sent) => new URL(sent.url).pathname)).toEqual(['/report', '/report/', '/report/'])
  })

  it('of a POST: refused, because it may have become another request', async () => {
    const { url } = await market(({ request }) =>
      new URL(request.url).pathname === '/order'
        ? new Response(null, { status: 303, headers: { location: '/paid' } })
        : ask(request.url),
    )
    expect(await refusalOf(createClient()(`${url}/order`, { method: 'POST', body: 'x' }))).toEqual([
      'redirected',
    ])
  })

  it('of a session: followed without it', async () => {
    const thief = await market(() => new Response('thanks'))
    let moved = false
    const shop = await market(({ request, isPaid }) => {
      if (moved) return Response.redirect(thief.url)
      return isPaid
        ? new Response('ok', { headers: { 'x-prudra-session-id': 'sess_secret' } })
        : ask(request.url)
    })
    const pay = createClient()
    await pay(shop.url)
    moved = true
    expect(await (await pay(shop.url)).text()).toBe('thanks')
    expect(shop.requests.at(-2)?.headers).toMatchObject({ 'x-prudra-session-id': 'sess_secret' })
    expect(thief.requests.map(({ headers }) => headers['x-prudra-session-id'])).toEqual([undefined])
  })
})

describe('a challenge', () => {
  it('of ten megabytes in its body: not read, and returned as it is', async () => {
    const body = JSON.stringify({
      x402Version: 1,
      accepts: [requirement()],
      padding: 'x'.repeat(10 * 2 ** 20),
    })
    const { url } = await market(
      () => new Response(body, { status: 402, headers: { 'content-type': 'application/json' } }),
    )
    const answer = await createClient()(url)
    expect([answer.status, (await answer.text()).length]).toEqual([402, body.length])
  })

  it('of ten megabytes in its head: refused', async () => {
    const answer = async () => {
      const response = ask('http://localhost/')
      response.headers.set(
        'payment-required',
        paymentRequired('http://localhost/', [], { padding: 'x'.repeat(10 * 2 ** 20) }),
      )
      return response
    }
    expect(await refusalOf(createClient({ fetch: answer })('http://localhost/'))).toEqual(['unreadable'])
  })

  it('that trickles in: given up, and returned as it is', async () => {
    vi.useFakeTimers()
    try {
      let chunks = 0
      const endless = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 1000))
          controller.enqueue(new TextEncoder().encode(chunks++ === 0 ? '{"x402Version":1,"a":"' : 'x'))
        },
      })
      const headers = { 'content-type': 'application/json' }
      const pay = createClient({ fetch: async () => new Response(endless, { status: 402, headers }) })
      const answer = pay('http://localhost/')
      await vi.advanceTimersByTimeAsync(11_000)
      expect((await answer).status).toBe(402)
    } finally {
      vi.useRealTimers()
    }
  })

  it('that stands there twice: refused, and so is one with garbage', async () => {
    const { url } = await market(({ request }) => {
      const answer = ask(request.url)
      answer.headers.append('payment-required', paymentRequired(request.url, [requirement({ amount: '1' })]))
      return answer
    })
    expect(await refusalOf(createClient()(url))).toEqual(['unreadable'])
  })

  it('that is broken in one protocol: the other one is paid', async () => {
    const { url, requests } = await market(({ request, isPaid }) => {
      if (isPaid) return new Response('ok')
      const { headers } = ask(request.url)
      headers.append('www-authenticate', 'Payment id="1", realm="x", method="evm", intent="charge"')
      headers.append('www-authenticate', 'Payment id="unterminated')
      return new Response(null, { status: 402, headers })
    })
    expect((await createClient()(url)).status).toBe(200)
    expect(requests.at(-1)?.headers).toHaveProperty('payment-signature')
  })

  it('that contradicts itself: the price that is signed is the one that was judged', async () => {
    const mpp = mppChallenge({ amount: '20000' })
    const { url, requests } = await market(({ request, isPaid }) => {
      if (isPaid) return new Response('ok')
      const body = {
        x402Version: 1,
        accepts: [{ ...requirement({ network: 'base-sepolia' }), maxAmountRequired: '1' }],
      }
      const { headers } = ask(request.url, [requirement({ amount: '30000' })])
      headers.set('www-authenticate', mpp)
      return Response.json(body, { status: 402, headers })
    })
    const pay = createClient({ budget: { payment: '0.025' } })
    expect(paymentOf(await pay(url))).toMatchObject({ amount: '0.02' })
    expect(requests.at(-1)?.headers).toHaveProperty('authorization')
  })

  it.each(['text/html', 'application/json'])(
    'in words that nobody knows (%s): returned as it is',
    async (type) => {
      const { url } = await market(
        () => new Response('{"pay":"me"}', { status: 402, headers: { 'content-type': type } }),
      )
      const answer = await createClient()(url)
      expect([answer.status, await answer.text(), paymentOf(answer)]).toEqual([402, '{"pay":"me"}', null])
    },
  )

  it('that lies about the token: what is signed is for the token as we know it', async () => {
    const lie = requirement({ extra: { name: 'Other Coin', version: '9', decimals: 18 } })
    const { url, credentials } = await market(({ request, isPaid }) =>
      isPaid ? new Response('ok') : ask(request.url, [lie]),
    )
    await createClient()(url)
    const { authorization, signature } = contentOf(
      readCredential(new Headers({ 'payment-signature': credentials()[0] ?? '' })),
    )
    const digest = authorizationDigest('eip155:84532', USDC_ON_BASE_SEPOLIA, authorization)
    expect(await verifySigner(null, { payer: authorization.from, digest, signature })).toBeNull()
  })

  it('that never ends: what is signed ends within the hour', async () => {
    const { url, credentials } = await market(({ request, isPaid }) =>
      isPaid ? new Response('ok') : ask(request.url, [requirement({ maxTimeoutSeconds: 10 ** 12 })]),
    )
    await createClient()(url)
    const { authorization } = contentOf(
      readCredential(new Headers({ 'payment-signature': credentials()[0] ?? '' })),
    )
    expect(Number(authorization.validBefore)).toBeLessThanOrEqual(Date.now() / 1000 + 3600)
  })
})

/** The field of an MPP challenge for a cent by authorization. */
function mppChallenge(request: JsonObject = {}, params: Record<string, string> = {}): string {
  return Challenge.serialize({
    id: 'challenge-1',
    realm: 'localhost',
    method: 'evm',
    intent: 'charge',
    expires: new Date(Date.now() + 300_000).toISOString(),
    request: {
      amount: '10000',
      currency: USDC,
      recipient: SELLER,
      methodDetails: { chainId: 84532, credentialTypes: ['authorization'], decimals: 6 },
      ...request,
    },
    ...params,
  } as Challenge.Challenge)
}

describe('an MPP challenge', () => {
  const serve = (field: string) =>
    market(({ isPaid }) =>
      isPaid
        ? new Response('ok')
        : new Response(null, { status: 402, headers: { 'www-authenticate': field } }),
    )

  it.each([
    ['that has ended', mppChallenge({}, { expires: '2020-01-01T00:00:00Z' }), {}, 'expired'],
    [
      'of another chain',
      mppChallenge({ methodDetails: { chainId: 1, credentialTypes: ['authorization'] } }),
      {},
      'network-not-accepted',
    ],
    ['for another body', mppChallenge({}, { digest: 'sha-256=abc' }), {}, 'digest-mismatch'],
    ['for a thief', mppChallenge({ recipient: THIEF }), {}, 'recipient-not-accepted'],
    [
      'where the request has an Authorization',
      mppChallenge(),
      { authorization: 'Bearer x' },
      'authorization-in-use',
    ],
  ])('%s: refused, and nothing is signed', async (_what, field, headers, reason) => {
    const { url, credentials } = await serve(field)
    const pay = createClient({ policy: { recipients: [SELLER] } })
    expect(await refusalOf(pay(url, { headers }))).toEqual([reason])
    expect(credentials()).toEqual([])
  })

  it('that ends while somebody is asked about it: refused, and nothing is held back', async () => {
    let now = Date.now()
    const approve = () => {
      now += 600_000
      return true
    }
    const { url } = await serve(mppChallenge())
    const pay = createClient({ clock: () => now, policy: { approve } })
    expect(await refusalOf(pay(url))).toEqual(['expired'])
    expect(await pay.attempts()).toEqual([])
  })

  it('that gives a thief a part: refused', async () => {
    const methodDetails = { chainId: 42431, splits: [{ recipient: THIEF, amount: '9999' }] }
    const currency = '0x20c0000000000000000000000000000000000000'
    const { url } = await serve(mppChallenge({ currency, methodDetails }, { method: 'tempo' }))
    const pay = createClient({ policy: { recipients: [SELLER] } })
    expect(await refusalOf(pay(url))).toEqual(['recipient-not-accepted'])
  })

  it('on Tempo, without an endpoint: refused', async () => {
    const currency = '0x20c0000000000000000000000000000000000000'
    const { url } = await serve(
      mppChallenge({ currency, methodDetails: { chainId: 42431 } }, { method: 'tempo' }),
    )
    expect(await refusalOf(createClient()(url))).toEqual(['cannot-sign'])
  })

  it.each([
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
    'sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  ])('for the body that is sent (%s) is paid', async (digest) => {
    const { url } = await serve(mppChallenge({}, { digest }))
    expect((await createClient()(url)).status).toBe(200)
  })
})

describe('a receipt', () => {
  it.each([
    ['of another payer', { payer: THIEF }, 'payer'],
    ['of another amount', { amount: '1' }, 'amount'],
    ['on another chain', { network: 'eip155:8453' }, 'network'],
    ['of a failure', { success: false, errorReason: 'insufficient_funds' }, 'insufficient_funds'],
  ])('%s is reported with the answer', async (_what, change, what) => {
    const { url } = await market(({ request, isPaid }) =>
      isPaid ? new Response('ok', { headers: paymentResponse(change) }) : ask(request.url),
    )
    const { status, differences } = paymentOf(await createClient()(url))?.receipt ?? {}
    expect([status, differences?.length]).toEqual(['differs', 1])
    expect(differences?.[0]).toContain(what)
  })

  it.each([
    ['matches', paymentResponse()],
    ['missing', {}],
    ['unreadable', { 'payment-response': 'e30=' }],
    ['unreadable', { 'payment-response': 'x, y' }],
  ])('%s: said so', async (status, headers) => {
    const { url } = await market(({ request, isPaid }) =>
      isPaid ? new Response('ok', { headers: { ...headers } as Record<string, string> }) : ask(request.url),
    )
    expect(paymentOf(await createClient()(url))?.receipt.status).toBe(status)
  })
})

it('a session id that is none is not kept', async () => {
  const { url, requests } = await market(({ request, isPaid }) => {
    if (!isPaid) return ask(request.url)
    const answer = new Response('ok')
    for (const id of ['sess_one', 'sess_two']) answer.headers.append('x-prudra-session-id', id)
    return answer
  })
  const pay = createClient()
  for (let time = 0; time < 2; time++) await pay(url)
  expect(await pay.sessions.list()).toEqual([])
  expect(requests.some(({ headers }) => 'x-prudra-session-id' in headers)).toBe(false)
})

describe('an origin', () => {
  const asking = async (input: RequestInfo | URL) => ask(new Request(input).url)

  it('that is not encrypted is not paid, unless it is listed', async () => {
    const url = 'http://shop.example/report'
    expect(await refusalOf(createClient({ fetch: asking })(url))).toEqual(['insecure-origin'])
    const listed = createClient({ fetch: asking, policy: { origins: ['http://shop.example'] } })
    expect(await errorOf(listed(url))).toMatchObject({ code: 'payment-rejected' })
  })

  it('that is not listed is not paid', async () => {
    const pay = createClient({ fetch: asking, policy: { origins: ['https://shop.example'] } })
    expect(await refusalOf(pay('https://shop.example.thief.test/'))).toEqual(['origin-not-accepted'])
  })
})
