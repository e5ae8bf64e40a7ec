import { expect, it } from 'vitest'
import { installRuntime } from '../runtimes/install.ts'
import { type Finding, runGuardProbe } from './guard-probe-run.ts'

/** How the probe is run, by runtime. */
const runs: Readonly<Record<string, () => Promise<readonly Finding[]>>> = {
  Node: () => runGuardProbe(process.execPath),
  Bun: async () => runGuardProbe(await installRuntime('bun')),
  Deno: async () =>
    runGuardProbe(await installRuntime('deno'), 'run', '-A', '--no-lock', '--node-modules-dir=none'),
}

it.each(Object.keys(runs))(
  'the guard holds on %s (case 39)',
  async (runtime) => {
    const findings = (await runs[runtime]?.()) ?? []
    expect(findings.filter(({ holds }) => !holds)).toEqual([])
    expect(findings).toHaveLength(43)
  },
  // The first run on a machine installs the runtime.
  180_000,
)
