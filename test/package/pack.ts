import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './imports.ts'

const run = promisify(execFile)

/** Packs the package and puts it into the `node_modules` of a folder, as it would be installed. Returns where. */
export async function installPacked(folder: string): Promise<string> {
  const npm = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  const { stdout } = await run('npm', npm, { cwd: ROOT })
  const installed = join(folder, 'node_modules/coffer')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, stdout.trim()), '-C', installed, '--strip-components=1'])
  return installed
}
