/** Runs a contract of `coffer/testing` on a runtime that has no test runner of its own. Loads under any runtime. */
import { within } from '../../src/lib/deadline.ts'
import type { ContractRunner } from '../../src/testing/store-contract.ts'

/** Declares the tests of a contract, or of several. */
export type Declare = (runner: ContractRunner) => void

/** How a test ended. */
export interface Outcome {
  readonly name: string
  /** What it failed with; `null` when it passed. */
  readonly error: string | null
}

/** The tests of a contract, with the names of the groups that they stand in. */
export function testsOf(declare: Declare): readonly { name: string; body: () => Promise<void> }[] {
  const tests: { name: string; body: () => Promise<void> }[] = []
  const groups: string[] = []
  declare({
    describe(name, body) {
      groups.push(name)
      body()
      groups.pop()
    },
    it: (name, body) => tests.push({ name: [...groups, name].join(': '), body }),
  })
  return tests
}

/** How long a test may take, on a machine that is busy. */
const PATIENCE_MS = 60_000

/** Runs the tests of a contract one after the other. */
export async function runContract(declare: Declare): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { name, body } of testsOf(declare)) {
    const ended = body().then(
      (): Outcome => ({ name, error: null }),
      (error: unknown): Outcome => ({ name, error: describeError(error) }),
    )
    outcomes.push((await within(PATIENCE_MS, ended)) ?? { name, error: `no end within ${PATIENCE_MS} ms` })
  }
  return outcomes
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${describeError(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
