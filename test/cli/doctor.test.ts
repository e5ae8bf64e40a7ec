import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../src/cli/storage/finding.ts'
import { engine } from '../stores/engines.ts'
import { run } from './terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Verdicts by what was looked at. */
async function examine(...args: string[]): Promise<{ code: number; verdicts: Record<string, string> }> {
  const { code, out } = await run(['doctor', '--json', ...args])
  const findings: Finding[] = JSON.parse(out)
  return { code, verdicts: Object.fromEntries(findings.map(({ what, verdict }) => [what, verdict])) }
}

describe('coffer doctor', () => {
  it('says which code recovers signers', async () => {
    const { code, out } = await run(['doctor'])
    expect(code).toBe(0)
    expect(out).toMatch(/^ok {4}signature recovery {2}native$/m)
  })

  it('finds a new SQLite file well', async () => {
    expect(await examine('--store', join(folder, 'new.db'))).toEqual({
      code: 0,
      verdicts: {
        runtime: 'ok',
        'signature recovery': 'ok',
        journal_mode: 'ok',
        quick_check: 'ok',
        commit: 'ok',
      },
    })
  })

  it('refuses a file that is none of ours, and leaves it alone', async () => {
    const file = join(folder, 'diary.txt')
    writeFileSync(file, 'Dear diary')
    const { code, err } = await run(['doctor', '--store', file])
    expect(code).toBe(1)
    expect(err).toMatch(/^coffer doctor: .*not a database/)
    expect(readFileSync(file, 'utf8')).toBe('Dear diary')
  })

  it.each([
    'mysql://root:hunter2@127.0.0.1/x',
    'postgres://root:hunter2@127.0.0.1:1/x',
    'redis://:hunter2@127.0.0.1:1',
  ])('says what is wrong with %s in a line, and shows no password', async (url) => {
    const { code, out, err } = await run(['doctor', '--store', url])
    expect(code).not.toBe(0)
    expect(out + err).not.toContain('hunter2')
    expect(err).not.toMatch(/^ {4}at /m)
  })
})

const postgresUrl = await engine('postgres')
if (postgresUrl !== null) {
  describe('on Postgres', () => {
    const schema = `doctor_${crypto.randomUUID().slice(0, 8)}`
    const pool = new pg.Pool({ connectionString: postgresUrl })
    afterAll(async () => {
      await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await pool.end()
    })

    it('asks for the tables, which coffer migrate makes, as often as it is called', async () => {
      const where = ['--store', postgresUrl, '--schema', schema]
      expect(await examine(...where)).toMatchObject({ code: 1, verdicts: { tables: 'fail', commit: 'fail' } })
      for (let times = 0; times < 2; times++) {
        expect(await run(['migrate', ...where])).toMatchObject({ code: 0, err: '' })
      }
      const { code, verdicts } = await examine(...where)
      expect(code).toBe(0)
      expect(new Set(Object.values(verdicts))).toEqual(new Set(['ok']))
    })

    it('takes the URL of the environment', async () => {
      const { code, out } = await run(['migrate', '--schema', schema], { DATABASE_URL: postgresUrl })
      expect({ code, out }).toEqual({ code: 0, out: 'The tables, functions and views are complete.\n' })
    })

    it('fails a database that acknowledges what it has not written', async () => {
      const careless = new URL(postgresUrl)
      careless.searchParams.set('options', '-c synchronous_commit=off')
      const { code, verdicts } = await examine('--store', careless.href, '--schema', schema)
      expect(code).toBe(1)
      expect(verdicts).toMatchObject({ synchronous_commit: 'fail', fsync: 'ok' })
    })
  })
}

const redisUrl = await engine('redis')
if (redisUrl !== null) {
  it('on Redis, knows a server that keeps nothing from one that does', async () => {
    const { code, verdicts } = await examine('--store', redisUrl)
    const keeps = verdicts['append-only file'] === 'ok'
    expect(verdicts).toMatchObject({ role: 'ok', 'clock of the store': 'ok', commit: keeps ? 'ok' : 'fail' })
    expect(code).toBe(keeps ? 0 : 1)
  })
}
