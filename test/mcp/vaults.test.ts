import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { createAgent } from './agents.ts'
import { createRoom, type Host } from './hosts.ts'

const room = createRoom()
let chain: EvmChain
let shop: Shop

beforeAll(async () => {
  chain = await startEvmChain()
  const research = {
    price: '0.01',
    acceptSessions: true,
    vault: true,
    serve: async (_request: Request, { vault }: { readonly vault: Vault | null }) => {
      const { token } = (await vault?.issueAccessToken()) ?? {}
      return Response.json({ vault_url: `${shop.url}/vaults/${vault?.id}`, token })
    },
  }
  shop = await openShop({ '/research': research }, { evm: [chain], vaults: { blobs: memoryBlobs() } })
})
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
})

/** Pays for a vault, as a model would: what it is told is all it knows. */
async function buy() {
  const { connect } = await createAgent(chain, room)
  const host = await connect()
  const { data } = await host.call('x402_pay', { url: `${shop.url}/research` })
  const place: { readonly vault_url: string; readonly token: string } = JSON.parse(data.answer.untrusted_body)
  const vault = shop.grants.at(-1)?.vault ?? expect.fail('there is no vault')
  return { host, place, vault }
}

/** What a tool has read. */
async function read({ call }: Host, input: object) {
  const { isError, text, data } = await call('vault_read', { ...input })
  expect(isError, text).toBe(false)
  return { ...data, text, body: data.answer.untrusted_body as string }
}

describe('vault_read', () => {
  it('lists a vault, and reads its documents and files', async () => {
    const { host, place, vault } = await buy()
    const document = await vault.addDocument({ topic: 'bees 🐝' }, 'What was asked')
    const file = await vault.addFile({ name: 'bees.txt', type: 'text/plain', body: new Blob(['honey']) })
    const list = JSON.parse((await read(host, place)).body)
    expect(list).toMatchObject({
      id: vault.id,
      status: 'active',
      documents: [{ id: document.id, label: 'What was asked' }],
      files: [{ id: file.id, name: 'bees.txt', size: 5 }],
    })
    expect(list.documents[0]).not.toHaveProperty('data')
    const document_id = document.id
    expect(JSON.parse((await read(host, { ...place, document_id })).body)).toEqual({ topic: 'bees 🐝' })
    const { body, next_offset } = await read(host, { ...place, file_id: file.id })
    expect([body, next_offset]).toEqual(['honey', undefined])
  })

  it('reads what is long in pieces', async () => {
    const { host, place, vault } = await buy()
    const text = Array.from({ length: 3000 }, (_, at) => at).join(' ')
    const document = await vault.addDocument({ text }, 'long')
    const file = await vault.addFile({ name: 'long.txt', type: 'text/plain', body: new Blob([text]) })
    const whole = async (input: object): Promise<string> => {
      let all = ''
      for (let offset: number | undefined = 0; offset !== undefined; ) {
        const { body, next_offset }: Awaited<ReturnType<typeof read>> = await read(host, {
          ...place,
          ...input,
          offset,
        })
        expect(body.length).toBeLessThanOrEqual(4000)
        all += body
        offset = next_offset
      }
      return all
    }
    expect(JSON.parse(await whole({ document_id: document.id }))).toEqual({ text })
    expect(await whole({ file_id: file.id })).toBe(text)
  })

  it('checks what the seller has signed', async () => {
    const { host, place, vault } = await buy()
    const document = await vault.addDocument({ topic: 'bees' }, 'What was asked')
    const early = await host.call('vault_read', { ...place, verify: true })
    expect(early.isError).toBe(true)
    await vault.seal('done')
    const { verified, text } = await read(host, { ...place, verify: true })
    expect(verified).toBe(true)
    expect(text).toContain('is what its seller has signed')
    const { body } = await read(host, { ...place, verify: true, document_id: document.id })
    expect(JSON.parse(body)).toEqual({ topic: 'bees' })
  })

  it.each([
    ['another token', { token: `vat_${'x'.repeat(43)}` }, 'refused'],
    ['no document', { document_id: 'doc_0' }, 'refused'],
    ['two things', { document_id: 'doc_0', file_id: 'fil_0' }, 'stands alone'],
    ['a file to verify', { file_id: 'fil_0', verify: true }, 'stands alone'],
    ['a token with a line in it', { token: 'vat_00000000\nX-Evil: 1' }, 'token'],
  ])('with %s fails', async (_why, change, said) => {
    const { host, place } = await buy()
    const { isError, text } = await host.call('vault_read', { ...place, ...change })
    expect([isError, text]).toEqual([true, expect.stringContaining(said)])
    expect(text).not.toContain(place.token)
  })
})

describe('vault_events', () => {
  it('reads on where it was, and waits for what comes', async () => {
    const { host, place, vault } = await buy()
    await vault.emit('agent.step', { step: 1 })
    await vault.emit('agent.step', { step: 2 })
    const first = await host.call('vault_events', { ...place, max_events: 1 })
    expect(first.data).toMatchObject({ count: 1, ended: false })
    const second = await host.call('vault_events', { ...place, after: first.data.last_event_id })
    expect(second.data.count).toBe(1)
    expect(second.data.answer.untrusted_body).toContain('{"step":2}')

    const waiting = host.call('vault_events', { ...place, after: second.data.last_event_id, wait_ms: 20_000 })
    await vault.emit('agent.step', { step: 3 })
    const third = await waiting
    expect(third.data.answer.untrusted_body).toContain('{"step":3}')

    await vault.seal()
    const last = await host.call('vault_events', { ...place, after: third.data.last_event_id })
    expect(last.data).toMatchObject({ count: 1, ended: true })
    expect(last.data.answer.untrusted_body).toContain('vault.sealed')
  })

  it('reads what is long in pieces, without a gap', async () => {
    const { host, place, vault } = await buy()
    for (let step = 0; step < 12; step++) await vault.emit('agent.step', { step, text: 'x'.repeat(900) })
    const steps: number[] = []
    for (let after: string | undefined; steps.length < 12; ) {
      const { data } = await host.call('vault_events', { ...place, ...(after && { after }) })
      expect(data.answer.untrusted_body.length).toBeLessThanOrEqual(4000)
      for (const line of data.answer.untrusted_body.split('\n')) steps.push(JSON.parse(line).payload.step)
      after = data.last_event_id
    }
    expect(steps).toEqual(Array.from({ length: 12 }, (_, step) => step))
  })

  it('with nothing to read says so', async () => {
    const { host, place } = await buy()
    const { data, text } = await host.call('vault_events', { ...place, wait_ms: 1000 })
    expect(data).toMatchObject({ count: 0, ended: false })
    expect(text).toContain('No event came')
    const away = await host.call('vault_events', {
      ...place,
      vault_url: 'http://127.0.0.1:1/vaults/vlt_0',
      wait_ms: 1000,
    })
    expect([away.isError, away.text]).toEqual([true, expect.stringContaining('cannot be reached')])
    const token = `vat_${'x'.repeat(43)}`
    expect((await host.call('vault_events', { ...place, token })).isError).toBe(true)
  })
})
