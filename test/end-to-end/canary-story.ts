import { paid } from '../../adapters/fetch.ts'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { baseSepolia } from '../../src/evm/network.ts'
import type { Settler } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import type { HookEvent } from '../../src/hooks/events.ts'
import { type Coffer, createCoffer, type Logger, type RouteOptions } from '../../src/index.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { evm } from '../../src/protocols/mpp/evm.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { facilitator } from '../../src/protocols/x402/facilitator.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createFakeChain, type FakeChain } from '../../src/testing/fake-chain.ts'
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts'
import { createFakeFacilitator, type FakeFacilitator } from '../../src/testing/fake-facilitator.ts'
import { createTestPayer, type PayerDialect, type TestPayer } from '../../src/testing/test-payer.ts'
import { webhooks } from '../../src/webhooks.ts'
import { createPayer } from '../clients/payers.ts'
import type { Telemetry } from '../tracing/telemetry.ts'

/** What a seller's story has left behind. */
export interface Story {
  /** What nobody but its owner may see, by what it is. */
  readonly secrets: ReadonlyMap<string, string>
  /** What went out of the process beside the answers, by where it went. */
  readonly heard: Readonly<Record<'hooks' | 'logs' | 'errors' | 'problems', readonly string[]>>
  /** What happened. */
  readonly types: ReadonlySet<string>
}

const PRICES = {
  report: { price: '0.01' },
  session: { price: '0.02', acceptSessions: true, vault: true },
  after: { price: '0.03', settle: 'after' },
  later: { price: '0.04', settle: 'background' },
  bound: { price: '0.05', bindBody: true },
} as const satisfies Record<string, RouteOptions>

const CREDENTIALS = ['payment-signature', 'x-payment', 'authorization'] as const
const HOUR = 3_600_000

/** All that can go right and wrong for a seller, with payers of every protocol. */
export async function tellStory(telemetry: Telemetry, settlesWith: 'wallet' | 'facilitator'): Promise<Story> {
  const secrets = new Map<string, string>()
  const heard = {
    hooks: [] as string[],
    logs: [] as string[],
    errors: [] as string[],
    problems: [] as string[],
  }
  const types = new Set<string>()
  const secret = (what: string, text: string | null | undefined): string => {
    if (!text || text.length < 16) throw new Error(`${what} is no secret`)
    secrets.set(what, text)
    return text
  }
  const clock = createFakeClock()
  const chain = createFakeChain({ clock })
  const fake = createFakeFacilitator(chain)
  const write = (fields: object, message: string): void => void heard.logs.push(textOf([message, fields]))
  const logger: Logger = { debug: write, info: write, warn: write, error: write }
  const hook = (event: HookEvent): void => {
    types.add(event.type)
    heard.hooks.push(textOf(event))
  }
  const apiKey = secret('API key', 'an-operator-key-of-more-than-32-characters')
  const rpcKey = secret('key of the RPC endpoint', 'rpc-key-0123456789abcdef')
  const rpc = { ...chain.rpc, url: `https://chain.test/${rpcKey}`, headers: { authorization: rpcKey } }
  const coffer = createCoffer({
    secret: [
      secret('secret', 'a newer secret of at least 32 bytes'),
      secret('old secret', 'an older secret of at least 32 bytes'),
    ],
    wallets: { main: { address: createPayer().address } },
    protocols: protocolsOf(baseSepolia({ rpc, settle: createSettler() })),
    store: memory({ clock }),
    vaults: { blobs: memoryBlobs() },
    webhooks: webhooks({
      async send({ url, body }) {
        if (body.includes('vault.')) throw new Error(`request to ${url} failed`)
        return new Response(null, { status: body.includes('settled') ? 500 : 204 })
      },
    }),
    apiKeys: [apiKey],
    clock,
    hooks: [{ '*': hook }, telemetry.hooks],
    tracer: telemetry.tracer,
    serverTiming: true,
    logger,
    onError: (error) => void heard.errors.push(textOf(error)),
  })
  const stage: Stage = { coffer, clock, chain, fake, apiKey, secret, secrets, listen }
  for (const protocol of ['x402', 'x402-v1', 'mpp'] as const) await visit(stage, protocol)
  await operate(stage)
  await coffer.close()
  return { secrets, heard, types }

  function createSettler(): Settler {
    const auth = secret('key of the facilitator', 'facilitator-key-0123456789abcdef')
    if (settlesWith === 'facilitator') {
      return facilitator({ ...fake.endpoint, auth: () => ({ authorization: auth }) })
    }
    const { address, privateKey } = createPayer()
    secret('key of the settling wallet', privateKey.slice(2))
    chain.setGasMoney(address)
    return wallet(privateKey)
  }

  /** Notes what a refused request is told; checks the status that the story wants. */
  async function listen(answer: Promise<Response>, ...wanted: readonly number[]): Promise<Response> {
    const response = await answer
    const text = await response.clone().text()
    if (wanted.length > 0 && !wanted.includes(response.status)) throw new Error(`${response.status}: ${text}`)
    if (response.headers.get('content-type') === 'application/problem+json') heard.problems.push(text)
    return response
  }
}

/** Who and what takes part. */
interface Stage {
  readonly coffer: Coffer
  readonly clock: FakeClock
  readonly chain: FakeChain
  readonly fake: FakeFacilitator
  readonly apiKey: string
  readonly secrets: ReadonlyMap<string, string>
  secret(what: string, text: string | null | undefined): string
  listen(answer: Promise<Response>, ...wanted: readonly number[]): Promise<Response>
}

function protocolsOf(network: ReturnType<typeof baseSepolia>) {
  return [x402({ networks: [network] }), mpp({ methods: [evm({ network })] })]
}

/** A payer buys everything, in every way that it can go. */
async function visit(stage: Stage, protocol: PayerDialect): Promise<void> {
  const { coffer, clock, chain, fake, secret, listen } = stage
  const payer = createTestPayer({ chain, protocol, funds: '100' })
  const query = secret('token in a query', 'query-token-0123456789abcdef')
  const body = secret('body of a request', 'the body is nobody else’s')
  const ask = (headers: HeadersInit = {}) =>
    new Request(`https://api.test/report?token=${query}`, { method: 'POST', body, headers })
  let status = 200

  for (const [name, route] of Object.entries(PRICES)) {
    const of = `${name} by ${protocol}`
    const sell = paid(coffer, route, async (_request, { vault }) => {
      await vault?.addDocument({ text: secret('content of a vault', 'the vault is nobody else’s') })
      await vault?.emit('agent.step', { text: secrets(stage, 'content of a vault') })
      if (status === 0) throw new Error('the handler broke')
      return new Response('answer', { status })
    })
    const handler = (request: Request, ...wanted: number[]) => listen(sell(request), ...wanted)
    const prepare = async (how: string, headers?: HeadersInit): Promise<Request> => {
      const request = await payer.pay(ask(headers), await handler(ask(), 402))
      keep(`${how} ${of}`, request, stage)
      return request
    }

    const key = { 'idempotency-key': secret(`key of ${of}`, `idempotency-key-${name}-${protocol}`) }
    const request = await prepare('good', key)
    await handler(request.clone(), 200)
    await handler(request.clone(), 200)
    await handler(tampered(request), 400, 402)
    await handler(new Request('https://api.test/other', request.clone()), 402, 409)

    status = 500
    const failing = await prepare('failing')
    await handler(failing.clone(), 500)
    status = 0
    await sell(failing.clone()).catch(() => {})
    status = 200
    await handler(failing, 200)

    chain.disturb('down')
    const repeated = signatureOf(failing)
    fake.disturb({
      answer: (honest) => ({ ...honest, success: false, isValid: false, errorReason: repeated }),
    })
    await handler(await prepare('refused'), 200, 402, 503)
    chain.disturb((call) => (call === 'eth_sendRawTransaction' ? 'lost' : null))
    fake.disturb((call) => (call === 'settle' ? 'html' : null))
    const doubtful = await prepare('doubtful')
    await handler(doubtful.clone(), 200, 503)
    chain.disturb(null)
    fake.disturb(null)
    clock.advance(10_000)
    await coffer.tick()
    await handler(doubtful, 200, 409)

    for (const field of CREDENTIALS) {
      const text = secret(`malformed ${field}`, `malformed-${field}-0123456789abcdef`)
      await handler(ask({ [field]: field === 'authorization' ? `Payment ${text}` : text }), 400, 402)
    }
    if (name === 'session') await work(handler, ask, payer, stage)
  }
}

/** Works on in a session, and in its vault. */
async function work(
  handler: (request: Request, ...wanted: number[]) => Promise<Response>,
  ask: (headers?: HeadersInit) => Request,
  payer: TestPayer,
  stage: Stage,
): Promise<void> {
  const { secret, clock } = stage
  const opened = await payer.fetch(handler, ask())
  const id = secret(`session of ${payer.address}`, opened.headers.get('x-prudra-session-id'))
  const inSession = () => ask({ 'x-prudra-session-id': id })
  await handler(inSession(), 200)
  await handler(ask({ 'x-session-token': secret('session token', `e30.0x${'ab'.repeat(65)}`) }), 402)

  const vault = await stage.coffer.vaults?.create({
    metadata: { text: secrets(stage, 'content of a vault') },
  })
  const path = `/vaults/${vault?.id}`
  const issued = await json(callApi(stage, `${path}/access-token`, { method: 'POST', body: '{}' }))
  const token = secret(`access token of ${payer.address}`, String(issued['token']))
  await callApi(stage, path, {}, token)
  await callApi(stage, path, { method: 'DELETE' }, token)
  await callApi(stage, '/vaults/vlt_0000000000000000000000', {}, token)
  await vault?.extend(2)
  clock.advance(HOUR + 1)
  await stage.coffer.tick()
  await vault?.persist()
  await vault?.seal(secrets(stage, 'content of a vault'))
  await callApi(stage, `${path}/documents`, { method: 'POST', body: '{"data":1}' })
  await callApi(stage, path, { method: 'DELETE' })

  await callApi(stage, `/sessions/${id}`)
  await callApi(stage, `/sessions/${id}`, { method: 'DELETE' })
  await handler(inSession(), 402)
}

/** The operator looks after it; what was left in doubt stays there, and the vaults expire. */
async function operate(stage: Stage): Promise<void> {
  const { coffer, chain, clock, secret } = stage
  const url = `https://seller.test/hooks?token=${secret('token of an endpoint', 'endpoint-token-0123456789')}`
  const body = JSON.stringify({ url })
  const created = await json(callApi(stage, '/webhooks', { method: 'POST', body }))
  secret('secret of an endpoint', String(created['secret']))
  secret('its next secret', (await coffer.webhooks?.rotateSecret(String(created['id'])))?.secret)
  const payer = createTestPayer({ chain })
  const sell = paid(coffer, PRICES.report, () => new Response(''))
  await payer.fetch(sell, 'https://api.test/report')
  const request = await payer.pay(
    new Request('https://api.test/report'),
    await sell(new Request('https://api.test/report')),
  )
  chain.disturb('down')
  stage.fake.disturb('down')
  await sell(request)
  await coffer.vaults?.create({ ttlHours: 24 })
  for (let hours = 0; hours < 100; hours++) {
    clock.advance(HOUR)
    await coffer.tick()
  }
  await callApi(stage, '/payments')
  await callApi(stage, '/payments?limit=nonsense')
  await callApi(stage, '/payments', {}, secret('wrong API key', 'a-wrong-key-of-more-than-32-characters'))
  await callApi(stage, '/nothing')
}

function callApi({ coffer, apiKey, listen }: Stage, path: string, init: RequestInit = {}, key = apiKey) {
  const headers = { authorization: `Bearer ${key}` }
  return listen(coffer.fetch(new Request(`https://api.test${path}`, { ...init, headers })))
}

const json = async (answer: Promise<Response>): Promise<JsonObject> =>
  (await (await answer).json()) as JsonObject
const secrets = ({ secrets }: Stage, what: string): string => secrets.get(what) ?? ''

/** Notes the credential of a request, and the signature in it. */
function keep(of: string, request: Request, { secret }: Stage): void {
  secret(`credential: ${of}`, credentialOf(request))
  secret(`signature: ${of}`, signatureOf(request).slice(2))
}

function credentialOf({ headers }: Request): string {
  const [text = ''] = CREDENTIALS.flatMap((name) => headers.get(name) ?? [])
  return text.replace('Payment ', '')
}

function signatureOf(request: Request): string {
  const [, signature = ''] =
    /"signature":"(0x[0-9a-f]+)"/.exec(Buffer.from(credentialOf(request), 'base64').toString()) ?? []
  return signature
}

/** The same request, with another signature. */
function tampered(request: Request): Request {
  const changed = request.clone()
  const text = credentialOf(request)
  const forged = Buffer.from(text, 'base64')
    .toString()
    .replace(/("signature":"0x)(.)/, (_, start, digit) => start + (digit === '0' ? '1' : '0'))
  for (const name of CREDENTIALS) {
    if (!changed.headers.has(name)) continue
    const isMpp = name === 'authorization'
    const encoded = Buffer.from(forged).toString(isMpp ? 'base64url' : 'base64')
    changed.headers.set(name, isMpp ? `Payment ${encoded}` : encoded)
  }
  return changed
}

/** Text of anything, errors with all that they carry. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) =>
    each instanceof Error ? [each.name, each.message, each.stack, each.cause, { ...each }] : each,
  )
}
