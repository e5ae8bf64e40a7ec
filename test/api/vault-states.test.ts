import { describe, expect, it } from 'vitest'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { createOperated, jsonOf, type Operated } from './operator.ts'

const HOUR = 3_600_000

/** A vault with something of each kind in it. */
async function furnished() {
  const seller = createOperated()
  const vault = (await seller.coffer.vaults?.create()) as Vault
  const document = await vault.addDocument({ n: 1 })
  const files = [
    await vault.addFile({ body: new Uint8Array(10) }),
    await vault.addFile({ body: new Uint8Array(10) }),
  ]
  await vault.emit('agent.step')
  const { id } = await vault.issueAccessToken()
  return { seller, vault, ids: { document: document.id, file: files[0]?.id, other: files[1]?.id, token: id } }
}

type Ids = Awaited<ReturnType<typeof furnished>>['ids']

/** Every route of one vault: those that change nothing first, those that end it last. */
const routesOf = (
  ids: Ids,
): readonly (readonly [name: string, method: string, path: string, body?: unknown])[] => [
  ['look', 'GET', ''],
  ['manifest', 'GET', '/manifest'],
  ['proof', 'GET', '/manifest?proof'],
  ['document', 'GET', `/documents/${ids.document}`],
  ['file', 'GET', `/files/${ids.file}`],
  ['events', 'HEAD', '/events'],
  ['ticket', 'POST', '/stream-ticket'],
  ['token', 'POST', '/access-token', {}],
  ['revoke', 'DELETE', `/access-token/${ids.token}`],
  ['add document', 'POST', '/documents', { data: 1 }],
  ['add file', 'POST', '/files', new Uint8Array(10)],
  ['delete file', 'DELETE', `/files/${ids.other}`],
  ['emit', 'POST', '/events', { type: 'agent.step' }],
  ['extend', 'POST', '/extend', { ttlHours: 2 }],
  ['persist', 'POST', '/persist', {}],
  ['seal', 'POST', '/seal', {}],
  ['delete', 'DELETE', ''],
]

type Answers = Readonly<Record<string, number | string>>

/** What each route answers: a status when all is well, else the code of the problem. */
async function answersOf(seller: Operated, vault: string, ids: Ids): Promise<Answers> {
  const answers: Record<string, number | string> = {}
  for (const [name, method, path, body] of routesOf(ids)) {
    const answer = await seller.ask(`/vaults/${vault}${path}`, { method, body })
    const isProblem = answer.headers.get('content-type') === 'application/problem+json'
    // HEAD has no problem in it.
    answers[name] = isProblem && method !== 'HEAD' ? String((await jsonOf(answer))['code']) : answer.status
  }
  return answers
}

const WELL: Answers = {
  look: 200,
  manifest: 200,
  proof: 'vault-not-sealed',
  document: 200,
  file: 200,
  events: 200,
  ticket: 201,
  token: 201,
  revoke: 204,
  'add document': 201,
  'add file': 201,
  'delete file': 204,
  emit: 201,
  extend: 200,
  persist: 200,
  seal: 200,
  delete: 204,
}

const SEALED: Answers = {
  ...WELL,
  proof: 200,
  'add document': 'vault-sealed',
  'add file': 'vault-sealed',
  emit: 'vault-sealed',
  seal: 'vault-sealed',
}

const PERSISTED: Answers = { extend: 'vault-already-persisted', persist: 'vault-already-persisted' }

/** Every route says the same. */
const all = (code: string, exceptions: Answers): Answers => ({
  ...Object.fromEntries(Object.keys(WELL).map((name) => [name, code])),
  ...exceptions,
})

/** A token says nothing of its vault, and may be taken back as long as it is in the store. */
const EXPIRED = all('vault-expired', { events: 410, revoke: 204 })
const PURGED = all('vault-expired', { events: 410, revoke: 'access-token-not-found' })
const GONE = all('vault-not-found', { events: 404, revoke: 'access-token-not-found' })

const STATES: readonly (readonly [
  name: string,
  reach: (seller: Operated, vault: Vault) => Promise<unknown>,
  Answers,
])[] = [
  ['active', async () => {}, WELL],
  ['sealed', (_, vault) => vault.seal(), SEALED],
  ['persisted', (_, vault) => vault.persist(), { ...WELL, ...PERSISTED }],
  [
    'sealed and persisted',
    async (_, vault) => {
      await vault.seal()
      await vault.persist()
    },
    { ...SEALED, ...PERSISTED },
  ],
  [
    'persisted and older than it was to be',
    async (seller, vault) => {
      await vault.persist()
      seller.advance(1000 * HOUR)
      await seller.work()
    },
    { ...WELL, ...PERSISTED, revoke: 'access-token-not-found' },
  ],
  [
    'expired, which no worker has seen',
    async (seller, vault) => {
      await vault.extend(0.5)
      seller.advance(0.5 * HOUR)
    },
    EXPIRED,
  ],
  [
    'expired and purged',
    async (seller, vault) => {
      await vault.extend(0.5)
      seller.advance(0.5 * HOUR)
      await seller.work()
      seller.advance(HOUR)
      await seller.work()
    },
    PURGED,
  ],
  [
    'deleted and purged',
    async (seller, vault) => {
      await vault.delete()
      await seller.work()
    },
    GONE,
  ],
  [
    'expired and forgotten',
    async (seller) => {
      seller.advance(168 * HOUR)
      await seller.work()
      seller.advance(HOUR)
      await seller.work()
      seller.advance(366 * 24 * HOUR)
    },
    GONE,
  ],
]

describe('every route of a vault', () => {
  it.each(STATES)('that is %s', async (_, reach, expected) => {
    const { seller, vault, ids } = await furnished()
    await reach(seller, vault)
    expect(await answersOf(seller, vault.id, ids)).toEqual(expected)
    expect(seller.failures).toEqual([])
    await seller.coffer.close()
  })
})
