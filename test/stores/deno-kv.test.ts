import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomesOf, reportContract } from '../runtimes/contract-report.ts'
import { type DenoCommand, denoCommand } from '../runtimes/deno.ts'
import { installRuntime } from '../runtimes/install.ts'
import { declare } from './deno-kv-contract.ts'
import { openRemote } from './deno-kv-remote.ts'
import { proveProcesses } from './processes.ts'

/** The first run on a machine installs the runtime. */
const PATIENCE_MS = 300_000

const folder = mkdtempSync(join(tmpdir(), 'coffer-deno-kv-'))
const contract = join(import.meta.dirname, 'deno-kv-contract.ts')
let command: DenoCommand = denoCommand('')
let files = 0

beforeAll(async () => {
  command = denoCommand(await installRuntime('deno'))
}, PATIENCE_MS)
afterAll(() => rmSync(folder, { recursive: true }))

describe('in memory', () => {
  reportContract(declare, () => outcomesOf(command.execPath, [...command.execArgv, contract]))
})

describe('in files', () => {
  const files = join(folder, 'contract')
  mkdirSync(files)
  reportContract(declare, () => outcomesOf(command.execPath, [...command.execArgv, contract, files]))
})

describe('processes on one file', () => {
  proveProcesses({
    engine: 'deno-kv',
    newAddress: () => join(folder, `${++files}.kv`),
    open: (file) => openRemote(command, file),
    runtime: () => command,
  })
})

it('takes what Deno itself calls a Deno.Kv', { timeout: PATIENCE_MS }, async () => {
  const program = join(folder, 'types.ts')
  writeFileSync(
    program,
    `import { denoKv, denoKvBus } from ${JSON.stringify(join(import.meta.dirname, '../../src/deno-kv.ts'))}
    const kv: Deno.Kv = await Deno.openKv()
    denoKv(kv, { prefix: 'shop' })
    denoKvBus(kv)
    // @ts-expect-error: a path is no database
    denoKv('coffer.kv')`,
  )
  const check = ['check', '--unstable-kv', '--no-lock', '--node-modules-dir=manual', program]
  const child = spawn(command.execPath, check, { stdio: ['ignore', 'ignore', 'pipe'] })
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(code, output).toBe(0)
})
