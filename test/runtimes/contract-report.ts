/** Shows in vitest, test by test, what a contract found on another runtime. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, it } from 'vitest'
import { type Declare, type Outcome, testsOf } from './contract-runner.ts'
import { denoCommand } from './deno.ts'
import { installRuntime } from './install.ts'

/** The first run on a machine installs the runtime. */
const PATIENCE_MS = 300_000

/**
 * Declares a vitest test for each test of a contract.
 *
 * @param declare - The contract, to learn the names of its tests. Nothing of it is run here.
 * @param run - Runs the same contract elsewhere.
 */
export function reportContract(declare: Declare, run: () => Promise<readonly Outcome[]>): void {
  const names = testsOf(declare).map(({ name }) => name)
  let outcomes: readonly Outcome[] = []
  beforeAll(async () => {
    outcomes = await run()
  }, PATIENCE_MS)
  it('runs every test once', () => expect(outcomes.map(({ name }) => name)).toEqual(names))
  for (const name of names) {
    it(name, () => {
      const outcome = outcomes.find((each) => each.name === name)
      expect(outcome, 'an outcome').toBeDefined()
      expect(outcome?.error).toBeNull()
    })
  }
}

/** Runs a program that prints its outcomes as JSON; fails with all of its output when it does not. */
export async function outcomesOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<readonly Outcome[]> {
  const root = join(import.meta.dirname, '..', '..')
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${stdout}\n${stderr}`)
  return JSON.parse(stdout)
}

/** Runs a contract of `contract-main.ts` on a runtime, from source. */
export async function outcomesOn(
  runtime: 'Bun' | 'Deno',
  contract: string,
  parameter: string,
): Promise<readonly Outcome[]> {
  const program = [join(import.meta.dirname, 'contract-main.ts'), contract, parameter]
  if (runtime === 'Bun') return outcomesOf(await installRuntime('bun'), program)
  const { execPath, execArgv } = denoCommand(await installRuntime('deno'))
  return outcomesOf(execPath, [...execArgv, ...program])
}
