import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT, textOf } from '../package/imports.ts'
import { installPacked } from '../package/pack.ts'

/** A project with the packed package, and of all others only those that it cannot be installed without. */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-packed-')))
const { dependencies, version } = JSON.parse(textOf('package.json'))

beforeAll(async () => {
  const installed = await installPacked(project)
  expect(existsSync(join(installed, 'dist/bin.js'))).toBe(true)
  for (const name of Object.keys(dependencies)) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true }))
})
afterAll(() => rmSync(project, { recursive: true }))

async function coffer(...args: string[]): Promise<{ readonly out: string; readonly err: string }> {
  const bin = join(project, 'node_modules/coffer/dist/bin.js')
  const env = { PATH: process.env['PATH'], HOME: project, COFFER_PASSPHRASE: 'correct horse battery' }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, ...args], {
    cwd: project,
    env,
  })
  return { out: stdout, err: stderr }
}

describe('the command line of the packed package', () => {
  it('knows its version and its commands', async () => {
    expect(await coffer('--version')).toEqual({ out: `${version}\n`, err: '' })
    expect((await coffer('help')).out).toContain('  inspect ')
  })

  it('shows the demo', async () => {
    const { out, err } = await coffer('demo')
    expect(err).toBe('')
    expect(out).toContain('All of it was checked against the balances.')
  })

  it('makes a wallet in the home of its user', async () => {
    const { out } = await coffer('wallet', 'new')
    expect(await coffer('wallet', 'show')).toEqual({ out, err: '' })
    expect(existsSync(join(project, '.coffer/wallet.json'))).toBe(true)
  })
})
