import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { PaymentInfo } from '../../src/payments/payment-info.ts'
import { postgres } from '../../src/stores/postgres.ts'
import type { Row } from '../../src/stores/postgres-client.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { openShop } from '../end-to-end/shop.ts'
import { createSeller, request } from '../gate/scripted.ts'
import { engine } from './engines.ts'
import { type Database, openDatabases } from './postgres-databases.ts'
import './patience.ts'

const databases = await openDatabases(await engine('postgres'))
afterAll(() => Promise.all(databases.map((database) => database.end())))

let chains: Chains
beforeAll(async () => {
  chains = await startChains()
})
afterAll(() => stopChains(chains))

describe.each(databases)('the views of Postgres by $driver', ({ client, run, newSchema }: Database) => {
  it('show what official clients have paid, as the API does', async () => {
    const schema = newSchema()
    const shop = await openShop(
      { '/report': { price: '0.05', acceptSessions: true, vault: true }, '/plain': { price: '0.75' } },
      {
        evm: [chains.evm],
        tempo: chains.tempo,
        store: postgres(client, { schema }),
        vaults: { blobs: memoryBlobs() },
      },
    )
    for (const kind of clientKinds) {
      const paying = kind.connect(await createPayerFor(kind, chains), chains)
      for (const path of ['/report', '/plain']) expect((await paying(shop.url + path)).status).toBe(200)
    }
    // Delivery is recorded behind the answer.
    await expect.poll(() => undelivered(shop.coffer.payments)).toBe(0)
    const { payments } = await shop.coffer.payments.list()
    expect(payments).toHaveLength(2 * clientKinds.length)

    const rows = await run(`SELECT * FROM ${schema}.coffer_payments ORDER BY claimed_at DESC, id DESC`)
    expect(rows.map(paymentOf)).toEqual([...payments].sort(newestFirst))
    const [sums] = await run(`
      SELECT count(*)::int, sum(amount)::text, count(session_hash)::int AS sessions, bool_and(lease_until IS NULL) AS free,
        bool_and(EXISTS (SELECT FROM ${schema}.coffer_entries e WHERE e.key = 'credential/' || credential_hash)) AS hashed
      FROM ${schema}.coffer_payments WHERE status = 'settled' AND delivered_at - settled_at < interval '1 hour'`)
    expect(sums).toEqual({
      count: 2 * clientKinds.length,
      sum: (clientKinds.length * 0.8).toFixed(6),
      sessions: clientKinds.length,
      free: true,
      hashed: true,
    })

    const joined = await run(`
      SELECT s.scope, s.ceiling::text, s.amount::text, s.requests::int, s.spent::text, s.bind_payer, s.max_requests, s.budget,
        v.status, v.documents::int, v.events::int, v.id = replace(p.id, 'pay_', 'vlt_') AS same,
        s.payer = p.payer AND s.tx_hash = p.tx_hash AND s.network = p.network AND s.wallet = p.wallet AS agree,
        round(extract(epoch FROM s.expires_at - s.created_at))::int AS seconds
      FROM ${schema}.coffer_payments p
      JOIN ${schema}.coffer_sessions s ON s.hash = p.session_hash AND s.payment_id = p.id
      JOIN ${schema}.coffer_vaults v ON v.payment_id = p.id AND v.session_hash = s.hash`)
    expect(joined).toHaveLength(clientKinds.length)
    for (const row of joined) {
      expect(row).toMatchObject({ ceiling: '0.05', amount: '0.05', requests: 0, spent: '0', budget: null })
      expect(row).toMatchObject({
        status: 'active',
        same: true,
        agree: true,
        seconds: 86400,
        max_requests: null,
      })
    }
    await shop.stop()
  })

  it('show what became of vaults, and no session that has ended', async () => {
    const schema = newSchema()
    const now = Date.now()
    let shift = 0
    const clock = () => now + shift
    const seller = createSeller({
      store: postgres(client, { schema, clock }),
      clock,
      vaults: { blobs: memoryBlobs() },
    })
    const route = { price: '0.01', acceptSessions: true, vault: true } as const
    const enter = async (credential: string) => {
      const next = await seller.coffer.handle(request(credential), route)
      if (next instanceof Response || next.grant.vault === null) throw new Error('not let in')
      await next.finish(new Response(''))
      return next.grant.vault
    }
    const [active, sealed, persisted, deleted] = [
      await enter('a'),
      await enter('b'),
      await enter('c'),
      await enter('d'),
    ]
    await active.addDocument({ text: 'a\0b' }, 'Odd')
    await sealed.seal('All done.')
    await persisted.persist()
    await persisted.seal()
    await deleted.delete()
    // A session whose time has come: its row is still there.
    shift = -1000 * 86_400 * 2
    await enter('e')

    const vaults = await run(`
      SELECT id, status, summary, documents::int, ending, sealed_at IS NOT NULL AS sealed, expires_at IS NULL AS forever
      FROM ${schema}.coffer_vaults`)
    const byId = new Map(vaults.map(({ id, ...rest }) => [id, rest]))
    expect(byId.get(active.id)).toMatchObject({
      status: 'active',
      documents: 1,
      sealed: false,
      forever: false,
    })
    expect(byId.get(sealed.id)).toMatchObject({ status: 'sealed', summary: 'All done.', sealed: true })
    expect(byId.get(persisted.id)).toMatchObject({ status: 'persisted', sealed: true, forever: true })
    expect(byId.get(deleted.id)).toMatchObject({ status: 'expired', ending: 'deleted' })
    expect(await run(`SELECT count(*)::int FROM ${schema}.coffer_sessions`)).toEqual([{ count: 4 }])
    expect(await run(`SELECT count(*)::int FROM ${schema}.coffer_payments`)).toEqual([{ count: 5 }])
  })
})

async function undelivered(payments: {
  list(): Promise<{ payments: readonly PaymentInfo[] }>
}): Promise<number> {
  return (await payments.list()).payments.filter(({ delivery }) => delivery !== 'delivered').length
}

const newestFirst = (a: PaymentInfo, b: PaymentInfo): number =>
  b.claimedAt - a.claimedAt || (a.id < b.id ? 1 : -1)

/** What the API says of a payment, from its row. */
function paymentOf(row: Row): object {
  const { tx_hash, claimed_at, settled_at, delivered_at, vanished_at, amount, ...rest } = row
  const { credential_hash, session_hash, vault, lease_until, key, ...same } = rest
  const at = (instant: unknown) => (instant instanceof Date ? instant.getTime() : null)
  return {
    ...same,
    txHash: tx_hash,
    amount: String(Number(amount)),
    claimedAt: at(claimed_at),
    settledAt: at(settled_at),
    deliveredAt: at(delivered_at),
    vanishedAt: at(vanished_at),
  }
}
