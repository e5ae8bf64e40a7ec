import { recoveryEngine } from '../evm.ts'
import { type Command, EXIT } from './command.ts'
import { type Finding, judge } from './storage/finding.ts'
import { openStorage, type Storage } from './storage/storage.ts'

/** How far clocks may be apart, milliseconds, before leases and expiries suffer. */
const MAX_SKEW_MS = 1000

/** `coffer doctor`: what an operator should know before money comes in. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'Looks for what could lose payments: durability, clocks, tables, the speed of this runtime',
  usage: '[--store <url>] [--schema <name>] [--json]',
  options: {
    store: {
      type: 'string',
      help: 'postgres://…, redis://… or a file; default: DATABASE_URL of the environment',
    },
    schema: { type: 'string', help: 'schema in Postgres, default public' },
    json: { type: 'boolean', help: 'findings as JSON, for programs' },
  },
  async run({ values, terminal }) {
    const url = values['store'] ?? terminal.env['DATABASE_URL']
    const findings = [
      ...inspectRuntime(),
      ...(typeof url === 'string' ? await inspectStore(url, values['schema']) : []),
    ]
    terminal.out(values['json'] ? `${JSON.stringify(findings, null, 2)}\n` : format(findings))
    return findings.some(({ verdict }) => verdict === 'fail') ? EXIT.failed : EXIT.ok
  },
}

function inspectRuntime(): readonly Finding[] {
  const { versions } = process
  const runtime = versions['bun']
    ? `Bun ${versions['bun']}`
    : versions['deno']
      ? `Deno ${versions['deno']}`
      : `Node ${versions.node}`
  const engine = recoveryEngine()
  return [
    judge('runtime', runtime, true, 'fail', ''),
    judge(
      'signature recovery',
      engine,
      engine !== 'js',
      'warn',
      'signatures are checked in plain JavaScript: npm install tiny-secp256k1, or secp256k1 for the fastest',
    ),
  ]
}

async function inspectStore(url: string, schema: unknown): Promise<readonly Finding[]> {
  const storage = await openStorage(url, schema)
  try {
    return [...(await storage.inspect()), ...(await inspectClock(storage)), await tryCommit(storage)]
  } finally {
    await storage.close()
  }
}

/** The engine's clock is not what expiry is decided by, but it shows whether this machine's is right. */
async function inspectClock(storage: Storage): Promise<readonly Finding[]> {
  const asked = Date.now()
  const theirs = await storage.now()
  if (theirs === null) return []
  const skew = Math.round(theirs - (asked + Date.now()) / 2)
  const advice = 'leases and expiries go by the clocks of all machines: run NTP on them'
  return [
    judge('clock of the store', `${skew} ms from this one`, Math.abs(skew) <= MAX_SKEW_MS, 'warn', advice),
  ]
}

/** Writes, reads and deletes an entry, which would expire by itself. */
async function tryCommit({ store }: Storage): Promise<Finding> {
  const key = `doctor/${crypto.randomUUID()}`
  const start = performance.now()
  try {
    await store.commit([{ key, value: {}, if: 'absent', expiresAt: Date.now() + 60_000 }])
    const took = `${(performance.now() - start).toFixed(1)} ms`
    const isThere = (await store.get(key)) !== null
    await store.commit([{ key, value: null }])
    return judge('commit', isThere ? took : 'lost', isThere, 'fail', 'what was committed cannot be read')
  } catch (error) {
    return judge(
      'commit',
      error instanceof Error ? error.message : String(error),
      false,
      'fail',
      'the store cannot be used',
    )
  }
}

const SIGNS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const

function format(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length))
  return findings
    .map(({ what, found, verdict, advice }) => {
      const line = `${SIGNS[verdict]}  ${what.padEnd(width)}  ${found}\n`
      return advice === null ? line : `${line}      ${' '.repeat(width)}  ${advice}\n`
    })
    .join('')
}
