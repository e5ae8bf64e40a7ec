import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Runtimes besides Node that suites may run on. */
export type Runtime = 'bun' | 'deno'

let installing: Promise<void> | undefined

/** Where a runtime is; installs them all when they are not there yet. */
export async function installRuntime(runtime: Runtime): Promise<string> {
  const path = join(import.meta.dirname, 'node_modules', '.bin', runtime)
  if (existsSync(path)) return path
  installing ??= install()
  await installing
  return path
}

async function install(): Promise<void> {
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: import.meta.dirname })
}
