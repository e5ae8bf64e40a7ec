import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Runtimes besides Node that suites may run on, and what of Node is too large for everybody. */
export type Runtime = 'bun' | 'deno' | 'miniflare' | 'next'

const FOLDER = import.meta.dirname
const LOCK = join(FOLDER, '.installing')
/** npm writes it when all is there. */
const DONE = join(FOLDER, 'node_modules/.package-lock.json')

let installing: Promise<void> | undefined

/** Where a runtime is; installs them all when they are not there yet. */
export async function installRuntime(runtime: Runtime): Promise<string> {
  if (!existsSync(DONE)) {
    installing ??= install()
    await installing
  }
  return join(FOLDER, 'node_modules/.bin', runtime)
}

/** Suites run in processes of their own: one installs, the others wait. */
async function install(): Promise<void> {
  while (!(await take())) await new Promise((resolve) => setTimeout(resolve, 200))
  try {
    if (!existsSync(DONE))
      await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER })
  } finally {
    await rm(LOCK)
  }
}

/** Whether the lock is ours now. Who died holding it holds it no more. */
async function take(): Promise<boolean> {
  try {
    await writeFile(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = Number(await readFile(LOCK, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(LOCK, { force: true })
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
