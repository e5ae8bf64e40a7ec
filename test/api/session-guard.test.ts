import { describe, expect, it } from 'vitest'
import type { SessionOptions } from '../../src/gate/options.ts'
import { createOperated, type Operated } from './operator.ts'

const seller = createOperated()

async function openSession(acceptSessions: SessionOptions = {}): Promise<string> {
  const answer = await seller.pay('/report', { price: '0.01', acceptSessions })
  return answer.headers.get('x-prudra-session-id') ?? ''
}

async function statusOf(
  id: string,
  key: string | null,
  method = 'GET',
  { ask }: Operated = seller,
): Promise<number> {
  return (await ask(`/sessions/${id}`, { key, method })).status
}

describe('a session', () => {
  it('is looked up and ended by who has its id', async () => {
    const id = await openSession()
    expect(await statusOf(id, id)).toBe(200)
    expect(await statusOf(id, id, 'DELETE')).toBe(204)
    expect([await statusOf(id, id), await statusOf(id, id, 'DELETE')]).toEqual([404, 404])
    expect(await seller.coffer.sessions.get(id)).toBeNull()
  })

  it('is not by who has another, or shows none', async () => {
    const [id, other] = [await openSession(), await openSession()]
    for (const key of [other, null, id.slice(0, -1), `${id}A`, 'sess_']) {
      expect([await statusOf(id, key), await statusOf(id, key, 'DELETE')]).toEqual([401, 401])
    }
    expect(await seller.coffer.sessions.get(id)).not.toBeNull()
  })

  it('opens nothing else of the API', async () => {
    const id = await openSession()
    for (const path of ['/payments', '/webhooks', '/vaults']) {
      expect((await seller.ask(path, { key: id })).status).toBe(401)
    }
  })

  it('that asks its payer for a signature is not ended by its id alone', async () => {
    const id = await openSession({ bindPayer: true })
    expect([await statusOf(id, id), await statusOf(id, id, 'DELETE')]).toEqual([401, 401])
    expect(await seller.coffer.sessions.get(id)).not.toBeNull()
  })
})
