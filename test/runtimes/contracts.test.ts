import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { contracts } from './contract-main.ts'
import { outcomesOn, reportContract } from './contract-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-runtimes-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(['Bun', 'Deno'] as const)('on %s', (runtime) => {
  describe.each(['fs', 'sqlite'] as const)('%s', (contract) => {
    const place = mkdtempSync(join(folder, `${runtime}-${contract}-`))
    reportContract(contracts[contract](place), () => outcomesOn(runtime, contract, place))
  })
})
