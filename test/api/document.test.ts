import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { JsonObject } from '../../src/lib/json.ts'
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
  readonly requestBody?: { readonly content: Content }
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

/** Puts there what a route is about; resolves to its id. */
type Prepare = (seller: Operated) => Promise<string>

const payment: Prepare = async ({ pay, coffer }) => {
  await pay()
  return (await coffer.payments.list()).payments[0]?.id ?? ''
}
const session: Prepare = async ({ pay }) => {
  const answer = await pay('/report', { price: '0.01', acceptSessions: { maxRequests: 5, budget: '1' } })
  return answer.headers.get('x-prudra-session-id') ?? ''
}
const webhook: Prepare = async ({ coffer }) =>
  (await coffer.webhooks?.create({ url: 'https://seller.test/hooks' }))?.id ?? ''
const nothing: Prepare = async () => ''

async function delivered(seller: Operated): Promise<string> {
  const id = await webhook(seller)
  await payment(seller)
  await seller.work()
  return id
}
const delivery: Prepare = async (seller) => {
  const log = await seller.coffer.webhooks?.deliveries(await delivered(seller))
  return log?.deliveries[0]?.id ?? ''
}

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
  'GET /openapi.json': [nothing],
  'GET /llms.txt': [nothing],
}

/** Checks an answer against what the document says of it, with the document's own schema. */
async function agrees(answer: Response, { responses }: Operation): Promise<void> {
  const said = responses[answer.status]
  expect(Object.keys(responses)).toContain(String(answer.status))
  const media = answer.headers.get('content-type')?.split(';')[0]
  expect(Object.keys(said?.content ?? {})).toEqual(media === undefined ? [] : [media])
  if (media === undefined) return expect(await answer.text()).toBe('')
  if (media === 'text/plain') return expect(await answer.text()).not.toBe('')
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
    const id = await prepare(seller)
    const answer = await seller.ask(path.replace('{id}', encodeURIComponent(id)), ask)
    expect(answer.status).toBeLessThan(300)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    await agrees(answer, operation)
  })

  it.each(operations.filter(({ operation }) => operation.security.length > 0))(
    '$name is for operators',
    async ({ name, path, operation }) => {
      const seller = createOperated()
      const [prepare, ask] = REQUESTS[name] ?? [nothing]
      const target = path.replace('{id}', await prepare(seller))
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
        '%2e%2e%2f',
        'a'.repeat(3000),
        `sess_${'a'.repeat(43)}`,
      ]) {
        const answer = await createOperated().ask(path.replace('{id}', id), REQUESTS[name]?.[1])
        expect(answer.status).toBe(404)
        await agrees(answer, operation)
      }
    },
  )
})

describe('the document', () => {
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
        expect(document.components.securitySchemes[scheme]).toMatchObject({ type: 'http', scheme: 'bearer' })
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

  it('has no webhooks where there are none', async () => {
    const { coffer } = createSeller()
    const answer = await coffer.fetch(new Request('https://api.test/openapi.json'))
    expect(
      Object.keys((await jsonOf<Document>(answer)).paths).filter((path) => /webhooks/.test(path)),
    ).toEqual([])
  })
})
