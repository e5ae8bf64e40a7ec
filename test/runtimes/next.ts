import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../package/imports.ts'
import { installRuntime } from './install.ts'
import { freePort, type Running, startServer } from './process.ts'

const OFFLINE = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' }

/** Builds an app of Next, and serves it as in production. */
export async function startNext(folder: string): Promise<Running> {
  const next = await installRuntime('next')
  // What the app imports lies above it.
  const config = { turbopack: { root: ROOT }, typescript: { ignoreBuildErrors: true } }
  await writeFile(join(folder, 'next.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  await promisify(execFile)(next, ['build'], { cwd: folder, env: { ...process.env, ...OFFLINE } })
  const address = ['--hostname', '127.0.0.1', '--port', String(await freePort())]
  // A busy machine may need more than the default of 5 s between two requests of one connection.
  const parameters = ['start', ...address, '--keepAliveTimeout', '60000']
  return startServer(next, parameters, { cwd: folder, env: OFFLINE })
}
