import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import type { Coffer } from '../../src/index.ts'
import { documentDigest, verifyManifest } from '../../src/manifest-verify.ts'
import { memoryBlobs } from '../../src/memory.ts'
import type { Manifest } from '../../src/vaults/manifest.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { receiptOf } from '../clients/receipts.ts'
import { createSeller } from './shop.ts'

let chains: Chains
let shop: ReturnType<typeof createSeller>
let fetchFrom: typeof fetch

beforeAll(async () => {
  chains = await startChains()
  shop = createSeller({
    evm: [chains.evm],
    tempo: chains.tempo,
    vaults: { blobs: memoryBlobs() },
    basePath: '/coffer',
  })
  const handle = createHandler(shop.coffer)
  // There is no server: whatever runs this handler is one.
  fetchFrom = async (input, init) => handle(new Request(input, init))
})
afterAll(async () => {
  await shop?.coffer.close()
  await stopChains(chains)
})

/** The agent's shop, as a seller writes it where requests and responses are the Web's: one handler of both. */
function createHandler(coffer: Coffer): (request: Request) => Promise<Response> {
  const step = paid(
    coffer,
    { price: '0.01', description: 'Agent step', acceptSessions: true, vault: true },
    async (request, { vault, session }) => {
      const { step, query } = await request.json()
      const result = { step, query, output: `Completed: ${step}` }
      await vault.emit('agent.step', { step, completedAt: new Date().toISOString() })
      await vault.addDocument(result, `Step: ${step}`)
      return Response.json({ vaultId: vault.id, sessionId: session?.id, step, result })
    },
  )
  const finish = paid(coffer, { price: '0.00', acceptSessions: true, vault: true }, async (_, { vault }) => {
    await vault.addFile({
      name: 'report.txt',
      type: 'text/plain',
      body: new TextEncoder().encode('All done'),
    })
    await vault.persist() // before seal: allowed
    await vault.seal('Agent session complete')
    const { documents, files } = await vault.getManifest()
    const { token } = await vault.issueAccessToken()
    return Response.json({ vaultId: vault.id, status: 'complete', documents, files, token })
  })
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/agent/step') return step(request)
    return pathname === '/agent/finish' ? finish(request) : coffer.fetch(request)
  }
}

describe.each(clientKinds)('on the bare handler, a payer with $name', (kind) => {
  it('pays once, works on with the session, and takes the results home with a token', async () => {
    const payer = await createPayerFor(kind, chains)
    const post = (
      fetch: (url: string, init: RequestInit) => Promise<Response>,
      path: string,
      body: object,
      session?: string,
    ) =>
      fetch(`https://shop.test/agent/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...(session && { 'x-prudra-session-id': session }) },
      })

    const first = await post(kind.connect(payer, chains, fetchFrom), 'step', { step: 'one', query: 'bees?' })
    expect(first.status).toBe(200)
    const session = first.headers.get('x-prudra-session-id') ?? ''
    const { vaultId, ...answered } = (await first.json()) as { vaultId: string }
    expect(answered).toEqual({
      sessionId: session,
      step: 'one',
      result: { step: 'one', query: 'bees?', output: 'Completed: one' },
    })
    const second = await post(fetchFrom, 'step', { step: 'two', query: 'more' }, session)
    expect(await second.json()).toMatchObject({ vaultId, sessionId: session, step: 'two' })
    expect((await post(fetchFrom, 'finish', {})).status).toBe(402)
    const finished = await post(fetchFrom, 'finish', {}, session)
    const { token, ...rest } = (await finished.json()) as { token: string }
    expect(rest).toMatchObject({ vaultId, status: 'complete', files: [{ name: 'report.txt' }] })
    expect(await chains[kind.chain].balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)

    const read = (path: string) =>
      fetchFrom(new URL(path, `https://shop.test/coffer/vaults/${vaultId}/`), {
        headers: { authorization: `Bearer ${token}` },
      })
    const manifest = (await (await read('manifest')).json()) as Manifest
    expect(manifest).toMatchObject({ id: vaultId, status: 'persisted', summary: 'Agent session complete' })
    expect(manifest.documents.map(({ label }) => label)).toEqual(['Step: one', 'Step: two'])
    expect(await (await read(`documents/${manifest.documents[0]?.id}`)).json()).toMatchObject({
      data: { step: 'one', query: 'bees?', output: 'Completed: one' },
    })
    expect(await (await read(manifest.files[0]?.url ?? '')).text()).toBe('All done')

    // The buyer can show what was delivered, and for which transaction.
    const jwks = await (await fetchFrom('https://shop.test/.well-known/jwks.json')).json()
    const proof = await verifyManifest(await (await read('manifest?proof')).text(), jwks)
    expect(proof.documents.map(({ sha256 }) => sha256)).toEqual(
      manifest.documents.map(({ data }) => documentDigest(data)),
    )
    expect(proof.payments).toMatchObject([
      {
        id: `pay_${vaultId.slice('vlt_'.length)}`,
        payer: payer.address,
        amount: '0.01',
        txHash: receiptOf(first),
      },
    ])
  })
})
