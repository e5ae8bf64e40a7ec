import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { installRuntime } from '../runtimes/install.ts'
import { ROOT } from './imports.ts'

const run = promisify(execFile)

/** What JSR is sent, and beside it what that imports: ours, and Next, which only the tests of runtimes have. */
async function createCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coffer-jsr-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const name of ['src', 'adapters', 'scripts', 'package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  }
  const [modules, runtimes] = [join(ROOT, 'node_modules'), join(ROOT, 'test/runtimes/node_modules')]
  await mkdir(join(folder, 'node_modules'))
  for (const name of await readdir(modules)) {
    await symlink(join(modules, name), join(folder, 'node_modules', name))
  }
  await symlink(join(runtimes, 'next'), join(folder, 'node_modules/next'))
  return folder
}

it('is ready for JSR: its manifest is up to date, and its public types are all written out', async () => {
  const deno = await installRuntime('deno')
  const folder = await createCopy()
  await run('node', ['scripts/jsr.mjs'], { cwd: folder })
  const [made, committed] = await Promise.all(
    [folder, ROOT].map((at) => readFile(join(at, 'jsr.json'), 'utf8')),
  )
  expect(JSON.parse(committed ?? '')).toEqual(JSON.parse(made ?? ''))

  const env = { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
  const { stderr } = await run(deno, ['publish', '--dry-run', '--allow-dirty', '--no-check'], {
    cwd: folder,
    env,
  })
  expect(stderr).toContain('Checking for slow types in the public API')
  expect(stderr).toContain('Success')
}, 120_000)
