/**
 * Engines that are not packages: servers that may answer on this machine, and programs that may be installed. What is not
 * there is not tested, and the last lines of a run say so; with `COFFER_REQUIRE_ENGINES=1` it is a failure.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { inject, it } from 'vitest'

/** Where servers are looked for, unless the variable says otherwise. */
const SERVERS = {
  postgres: {
    variable: 'DATABASE_URL',
    usual: `postgres://${userInfo().username}@127.0.0.1:5432/postgres`,
  },
  redis: { variable: 'REDIS_URL', usual: 'redis://127.0.0.1:6379' },
} as const

/**
 * The URL of a server; `null` when none answers. Called at the top of a test file, which then declares the tests of that
 * server or does not.
 */
export async function engine(name: keyof typeof SERVERS): Promise<string | null> {
  const { variable, usual } = SERVERS[name]
  const url = process.env[variable] ?? usual
  const { hostname, port } = new URL(url)
  const isThere = await answers(hostname, Number(port || new URL(usual).port))
  if (!isThere && process.env[variable]) throw new Error(`${variable}: nothing answers at its address`)
  return found(name, isThere) ? url : null
}

/** The name of a program; `null` when it is not installed. For the top of a test file, like {@link engine}. */
export function program(name: string): string | null {
  const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' })
  return found(name, error === undefined) ? name : null
}

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Writes down whether the engine is there, for the summary. */
function found(name: string, isThere: boolean): boolean {
  if (!isThere && process.env['COFFER_REQUIRE_ENGINES'])
    throw new Error(`${name} is required here, and is not`)
  appendFileSync(inject('enginesFile'), `${isThere ? 'ran on' : 'did NOT run on'} ${name}\n`)
  if (!isThere) it(`${name}: not here`, ({ skip }) => skip(`needs ${name}`))
  return isThere
}
