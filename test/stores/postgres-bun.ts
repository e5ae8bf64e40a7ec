/** What Bun's client for Postgres makes of a store: `bun postgres-bun.ts <url> <schema>`. Says what it found, as JSON. */
import { postgres } from '../../src/stores/postgres.ts'
import type { UnsafeClient } from '../../src/stores/postgres-client.ts'

const [url = '', schema = ''] = process.argv.slice(2)
const { Bun } = globalThis as unknown as {
  Bun: { SQL: new (url: string) => UnsafeClient & { end(): Promise<void> } }
}
const sql = new Bun.SQL(url)
const codeOf = (error: unknown): unknown => Object(error).code

const store = postgres(sql, { schema })
const value = { text: '"é\\😀', numbers: [0.1, 1e21] }
const versions = await Promise.all(
  Array.from({ length: 50 }, () =>
    store.commit([{ key: 'a', value, if: 'absent', expiresAt: Date.now() + 1_000_000 }]),
  ),
)
const found = await store.get('a')
const listed = await store.list({ start: 'a', end: 'b' }, { reverse: true })
await store.commit([{ key: 'a', value: null, if: { version: found?.version ?? '' } }])
const deleted = await store.get('a')
await sql.unsafe(`INSERT INTO ${schema}.coffer_schema VALUES (99)`, [], { prepare: false })
const newer = await postgres(sql, { schema }).get('a').catch(codeOf)
const winners = versions.filter((version) => version !== null).length
console.log(JSON.stringify({ winners, value: found?.value, listed: listed.length, deleted, newer }))
await sql.end()
