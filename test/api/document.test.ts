import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { JsonObject } from '../../src/lib/json.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { createSeller } from '../gate/scripted.ts'
import { type Ask, createOperated, jsonOf, type Operated } from './operator.ts'

/** The members of the document that the tests look at. */
interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>
    readonly securitySchemes: Readonly<Record<string, JsonObject>>
  }
}
interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly requestBody?: { readonly required: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
}
type Content = Readonly<Record<string, { readonly schema: JsonObject }>>

const seller = createOperated()
const document = await jsonOf<Document>(seller.ask('/openapi.json', { key: null }))
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
  })),
)

/** Puts there what a route is about; resolves to what its path names, in order. */
type Prepare = (seller: Operated) => Promise<readonly string[]>

const payment: Prepare = async ({ pay, coffer }) => {
  await pay()
  return [(await coffer.payments.list()).payments[0]?.id ?? '']
}
const session: Prepare = async ({ pay }) => {
  const answer = await pay('/report', { price: '0.01', acceptSessions: { maxRequests: 5, budget: '1' } })
  return [answer.headers.get('x-prudra-session-id') ?? '']
}
const webhook: Prepare = async ({ coffer }) => [
  (await coffer.webhooks?.create({ url: 'https://seller.test/hooks' }))?.id ?? '',
]
const nothing: Prepare = async () => []

/** A vault, and what a test puts into it. */
const vault =
  (fill: (vault: Vault) => Promise<{ readonly id: string } | null>): Prepare =>
  async ({ coffer }) => {
    const made = await coffer.vaults?.create({ label: 'A vault', metadata: { a: [1] } })
    const item = made && (await fill(made))
    return [made?.id ?? '', ...(item ? [item.id] : [])]
  }
const empty = vault(async () => null)
const full = vault(async (made) => {
  await made.addDocument({ a: [1, 'é'] }, 'A document')
  await made.addFile({ body: new Uint8Array(5) })
  await made.emit('step')
  return null
})
const filed = vault((made) => made.addFile({ name: 'a.bin', body: new Uint8Array(5) }))

async function delivered(seller: Operated): Promise<readonly string[]> {
  const [id = ''] = await webhook(seller)
  await payment(seller)
  await seller.work()
  return [id]
}
const delivery: Prepare = async (seller) => {
  const [id = ''] = await delivered(seller)
  const log = await seller.coffer.webhooks?.deliveries(id)
  return [log?.deliveries[0]?.id ?? '']
}

/** A path with what it names. */
const filled = (path: string, [first = '', second = first]: readonly string[]): string =>
  path.replace(/\{\w+\}/, encodeURIComponent(first)).replace(/\{\w+\}/, encodeURIComponent(second))

/** One request for every route of the API. */
const REQUESTS: Readonly<Record<string, readonly [Prepare, Ask?]>> = {
  'GET /sessions/{id}': [session],
  'DELETE /sessions/{id}': [session, { method: 'DELETE' }],
  'GET /payments': [payment],
  'GET /payments/summary': [payment],
  'GET /payments/{id}': [payment],
  'GET /webhooks': [webhook],
  'POST /webhooks': [
    nothing,
    { method: 'POST', body: { url: 'https://a.test/', events: ['payment.failed'] } },
  ],
  'POST /webhooks/deliveries/{id}/replay': [delivery, { method: 'POST' }],
  'GET /webhooks/{id}': [webhook],
  'PATCH /webhooks/{id}': [webhook, { method: 'PATCH', body: { enabled: false } }],
  'DELETE /webhooks/{id}': [webhook, { method: 'DELETE' }],
  'POST /webhooks/{id}/rotate-secret': [webhook, { method: 'POST' }],
  'GET /webhooks/{id}/deliveries': [delivered],
  'GET /vaults': [full],
  'POST /vaults': [nothing, { method: 'POST', body: { label: 'A report', metadata: { step: 1 } } }],
  'GET /vaults/quota': [full],
  'GET /vaults/{id}': [full],
  'DELETE /vaults/{id}': [full, { method: 'DELETE' }],
  'POST /vaults/{id}/seal': [full, { method: 'POST', body: { summary: 'Done' } }],
  'POST /vaults/{id}/persist': [full, { method: 'POST' }],
  'POST /vaults/{id}/extend': [full, { method: 'POST', body: { ttlHours: 2.5 } }],
  'GET /vaults/{id}/manifest': [full],
  'GET /.well-known/jwks.json': [nothing],
  'POST /vaults/{id}/documents': [empty, { method: 'POST', body: { data: [null, 1.5], label: 'Numbers' } }],
  'GET /vaults/{id}/documents/{docId}': [vault((made) => made.addDocument('text'))],
  'POST /vaults/{id}/files': [
    empty,
    { method: 'POST', body: 'text', headers: { 'content-type': 'text/plain' } },
  ],
  'GET /vaults/{id}/files/{fileId}': [filed],
  'DELETE /vaults/{id}/files/{fileId}': [filed, { method: 'DELETE' }],
  'POST /vaults/{id}/events': [empty, { method: 'POST', body: { type: 'agent.step', payload: { step: 1 } } }],
  'GET /vaults/{id}/events': [vault((made) => made.seal())],
  'POST /vaults/{id}/stream-ticket': [empty, { method: 'POST' }],
  'POST /vaults/{id}/access-token': [empty, { method: 'POST' }],
  'DELETE /vaults/{id}/access-token/{tokenId}': [
    vault((made) => made.issueAccessToken()),
    { method: 'DELETE' },
  ],
  'GET /openapi.json': [nothing],
  'GET /llms.txt': [nothing],
}

/** What caches are told of answers that are not just `no-store`. */
const CACHING: Readonly<Record<string, string>> = {
  'GET /vaults/{id}/files/{fileId}': 'private, no-cache',
  'GET /vaults/{id}/events': 'no-store, no-transform',
}

/** Checks an answer against what the document says of it, with the document's own schema. */
async function agrees(answer: Response, { responses }: Operation): Promise<void> {
  const said = responses[answer.status]
  expect(Object.keys(responses)).toContain(String(answer.status))
  const media = answer.headers.get('content-type')?.split(';')[0]
  const kinds = Object.keys(said?.content ?? {})
  if (media === undefined) {
    expect(kinds).toEqual([])
    return expect(await answer.text()).toBe('')
  }
  expect(kinds).toContain(kinds.includes('*/*') ? '*/*' : media)
  if (!media.endsWith('json')) return expect(await answer.text()).not.toBe('')
  const schema = said?.content?.[media]?.schema ?? {}
  const { $ref } = schema
  const target = $ref === '#/components/schemas/Problem' ? document.components.schemas['Problem'] : schema
  const { error } = z.fromJSONSchema(target as z.core.JSONSchema.BaseSchema).safeParse(await answer.json())
  expect(error).toBeUndefined()
}

describe('every route of the document', () => {
  it('is asked for by a test', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual(Object.keys(REQUESTS).sort())
  })

  it.each(operations)('$name answers what the document says', async ({ name, path, operation }) => {
    const seller = createOperated()
    const [prepare, ask] = REQUESTS[name] ?? [nothing]
    const answer = await seller.ask(filled(path, await prepare(seller)), ask)
    expect(answer.status).toBeLessThan(300)
    expect(answer.headers.get('cache-control')).toBe(CACHING[name] ?? 'no-store')
    await agrees(answer, operation)
  })

  it.each(operations.filter(({ operation }) => operation.security.length > 0))(
    '$name is for operators',
    async ({ name, path, operation }) => {
      const seller = createOperated()
      const [prepare, ask] = REQUESTS[name] ?? [nothing]
      const target = filled(path, await prepare(seller))
      for (const key of [null, 'x', `${'an-operator-key'.repeat(3)}`]) {
        const answer = await seller.ask(target, { ...ask, key })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm=/)
        await agrees(answer, operation)
      }
    },
  )

  it.each(operations.filter(({ path, name }) => path.includes('{id}') && !name.endsWith('/deliveries')))(
    '$name knows what is not there',
    async ({ name, path, operation }) => {
      for (const id of [
        'nothing',
        'pay_x',
        'wh_x',
        '../',
        'a'.repeat(3000),
        `sess_${'a'.repeat(43)}`,
        `vlt_${'a'.repeat(22)}`,
      ]) {
        const answer = await createOperated().ask(filled(path, [id]), REQUESTS[name]?.[1])
        expect(answer.status).toBe(404)
        await agrees(answer, operation)
      }
    },
  )
})

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    expect(await new Validator().validate({ ...structuredClone(document) })).toEqual({ valid: true })
  })

  it('has what OpenAPI 3.1 requires', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toEqual({ title: 'A paid API', version: '1.0.0' })
    expect(document.servers).toEqual([{ url: 'https://api.test' }])
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      expect(path).toMatch(/^\//)
      expect(operation.summary).not.toBe('')
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const inPath = operation.parameters?.filter((each) => each.in === 'path' && each.required)
      expect((inPath ?? []).map(({ name }) => name)).toEqual(named)
      expect(Object.values(operation.responses).every(({ description }) => description !== '')).toBe(true)
      for (const scheme of operation.security.flatMap((each) => Object.keys(each))) {
        const isTicket = scheme === 'streamTicket'
        expect(document.components.securitySchemes[scheme]).toMatchObject(
          isTicket ? { type: 'apiKey', in: 'query', name: 'ticket' } : { type: 'http', scheme: 'bearer' },
        )
      }
    }
  })

  it('refers to nothing that is not in it', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to)
    expect([...new Set(references)]).toEqual(['#/components/schemas/Problem'])
    expect(document.components.schemas['Problem']).toMatchObject({ type: 'object' })
  })

  it('names the members of queries, which are refused when they are wrong', async () => {
    const parameters = document.paths['/payments']?.['get']?.parameters?.map(({ name }) => name)
    expect(parameters).toEqual(['route', 'protocol', 'from', 'to', 'cursor', 'status', 'limit'])
  })

  it('has no webhooks and no vaults where there are none', async () => {
    const { coffer } = createSeller()
    const answer = await coffer.fetch(new Request('https://api.test/openapi.json'))
    const paths = Object.keys((await jsonOf<Document>(answer)).paths)
    expect(paths.filter((path) => /webhooks|vaults|jwks/.test(path))).toEqual([])
  })

  it('says that an access token will do to read its vault, and only that', () => {
    const forTokens = operations.filter(({ operation }) =>
      operation.security.some((one) => 'accessToken' in one),
    )
    for (const { operation } of forTokens) expect(operation.security).toContainEqual({ apiKey: [] })
    expect(forTokens.map(({ name }) => name)).toEqual([
      'GET /vaults/{id}',
      'GET /vaults/{id}/manifest',
      'GET /vaults/{id}/documents/{docId}',
      'GET /vaults/{id}/files/{fileId}',
      'GET /vaults/{id}/events',
      'POST /vaults/{id}/stream-ticket',
    ])
  })

  it('says how events are followed', () => {
    const events = document.paths['/vaults/{id}/events']?.['get']
    expect(Object.keys(events?.responses ?? {})).toEqual(['200', '204', '400', '401', '404', '410', '500'])
    expect(Object.keys(events?.responses['200']?.content ?? {})).toEqual(['text/event-stream'])
    expect(events?.parameters?.map(({ name, in: where }) => `${where} ${name}`)).toEqual([
      'path id',
      'query from',
      'query ticket',
      'header Last-Event-ID',
    ])
    expect(events?.security).toContainEqual({ streamTicket: [] })
  })

  it('says which bodies may be left out', () => {
    const isRequired = (path: string) => document.paths[path]?.['post']?.requestBody?.required
    const paths = [
      '/vaults',
      '/vaults/{id}/seal',
      '/vaults/{id}/documents',
      '/vaults/{id}/files',
      '/webhooks',
    ]
    expect(paths.map(isRequired)).toEqual([false, false, true, true, true])
    expect(isRequired('/vaults/{id}/persist')).toBeUndefined()
  })

  it('says how files come and go', () => {
    const files = document.paths['/vaults/{id}/files']?.['post']
    expect(Object.keys(files?.requestBody?.content ?? {})).toEqual(['*/*', 'multipart/form-data'])
    const file = document.paths['/vaults/{id}/files/{fileId}']?.['get']
    expect(Object.keys(file?.responses ?? {})).toEqual([
      '200',
      '206',
      '304',
      '401',
      '404',
      '410',
      '416',
      '500',
    ])
  })
})
