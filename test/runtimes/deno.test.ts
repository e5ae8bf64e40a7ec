import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { installRuntime } from './install.ts'
import { provePayments } from './payments.ts'
import { startServer } from './process.ts'
import { createRemote } from './remote.ts'

describe('paid() for Deno', () => {
  const { adapter, url, open, close } = createRemote(async ({ folder }) => {
    const flags = ['run', '-A', '--no-lock', '--no-check', '--node-modules-dir=manual']
    return startServer(await installRuntime('deno'), [...flags, join(folder, 'test/runtimes/apps/deno.ts')])
  })
  beforeAll(open, 180_000)
  afterAll(close)

  adapterContract({ describe, it, expect }, adapter)
  provePayments({ describe, it, expect, beforeAll, afterAll, url, worksOn: false })
})
