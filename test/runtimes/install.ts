import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Runtimes besides Node that suites may run on, and what of Node is too large for everybody. */
export type Runtime = 'bun' | 'deno' | 'miniflare' | 'next'

/** Where a runtime is; installs them all when they are not there yet. */
export async function installRuntime(runtime: Runtime): Promise<string> {
  await installIn(import.meta.dirname)
  return join(import.meta.dirname, 'node_modules/.bin', runtime)
}

const installing = new Map<string, Promise<void>>()

/** Installs what the lock file of a folder says, when it is not there yet. */
export async function installIn(folder: string): Promise<void> {
  if (isDone(folder)) return
  const work = installing.get(folder) ?? install(folder)
  installing.set(folder, work)
  await work
}

/** npm writes it when all is there. */
const isDone = (folder: string): boolean => existsSync(join(folder, 'node_modules/.package-lock.json'))

/** Suites run in processes of their own: one installs, the others wait. */
async function install(folder: string): Promise<void> {
  const lock = join(folder, '.installing')
  while (!(await take(lock))) await new Promise((resolve) => setTimeout(resolve, 200))
  try {
    if (!isDone(folder)) await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder })
  } finally {
    await rm(lock)
  }
}

/** Whether the lock is ours now. Who died holding it holds it no more. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true })
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
