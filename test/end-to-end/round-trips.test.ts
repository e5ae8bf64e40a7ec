import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { preparePaid, type Sent, send } from '../clients/wire.ts'
import { type Database, openPglite } from '../stores/postgres-databases.ts'
import { openShop, type Shop } from './shop.ts'

const HEADER = 'x-prudra-session-id'
/** What the shop has asked its database since the last reset. A statement is a round trip. */
const statements: string[] = []
let chains: Chains
let database: Database
let shop: Shop

beforeAll(async () => {
  chains = await startChains()
  database = await openPglite()
  const { run } = database
  const client = {
    async query(text: string, values: (string | number | boolean)[]) {
      statements.push(text)
      return run(text, ...values)
    },
  }
  const store = postgres(client, { schema: database.newSchema() })
  // The first call makes the schema.
  await store.get('a')
  const serve = () => new Response('the report')
  shop = await openShop(
    {
      '/report': { price: '0.01', serve },
      '/session': { price: '0.01', acceptSessions: true, serve },
      '/vault': { price: '0.01', acceptSessions: true, vault: true, serve },
    },
    { evm: [chains.evm], tempo: chains.tempo, store, vaults: { blobs: memoryBlobs() } },
  )
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
  await database?.end()
})
beforeEach(() => {
  statements.length = 0
})

/** What a client would send to pay. */
async function prepare(path: string, kind = clientKinds[0]): Promise<Sent> {
  if (kind === undefined) throw new Error('there is no client')
  const payer = await createPayerFor(kind, chains)
  return preparePaid((fetch) => kind.connect(payer, chains, fetch), `${shop.url}${path}`)
}

it('a challenge takes no round trip', async () => {
  expect((await fetch(`${shop.url}/report`)).status).toBe(402)
  expect((await fetch(`${shop.url}/report`, { headers: { 'x-payment': 'e30=' } })).status).toBe(402)
  expect(statements).toEqual([])
})

it.each(clientKinds.map((kind) => [kind.name, kind] as const))(
  'a paid request of %s takes three: claimed, settled, delivered',
  async (_name, kind) => {
    const sent = await prepare('/report', kind)
    expect(statements).toHaveLength(0)
    expect((await send(sent)).status).toBe(200)
    expect(statements).toHaveLength(3)
  },
)

it('a paid request with an Idempotency-Key takes no more', async () => {
  const sent = await prepare('/report')
  const headers = { ...sent.headers, 'idempotency-key': 'a' }
  expect((await send(sent, { headers })).status).toBe(200)
  expect(statements).toHaveLength(3)
})

it('a paid request that makes a vault takes no more', async () => {
  expect((await send(await prepare('/vault'))).status).toBe(200)
  expect(statements).toHaveLength(3)
})

it('a paid request that opens a session takes no more, and each request of the session takes one', async () => {
  const answer = await send(await prepare('/session'))
  expect(answer.status).toBe(200)
  expect(statements).toHaveLength(3)
  const headers = { [HEADER]: answer.headers.get(HEADER) ?? '' }
  for (let n = 1; n <= 3; n++) {
    expect((await fetch(`${shop.url}/session`, { headers })).status).toBe(200)
    expect(statements).toHaveLength(3 + n)
  }
})

it('a credential that was used is refused in three', async () => {
  const sent = await prepare('/report')
  await send(sent)
  statements.length = 0
  expect((await send(sent)).status).toBe(409)
  expect(statements).toHaveLength(3)
})
