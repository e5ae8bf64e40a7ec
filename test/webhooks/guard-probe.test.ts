import { expect, it } from 'vitest'
import { runGuardProbe } from './guard-probe-run.ts'

it('the guard holds on Node (case 39)', async () => {
  const findings = await runGuardProbe(process.execPath)
  expect(findings.filter(({ holds }) => !holds)).toEqual([])
  expect(findings).toHaveLength(43)
})
