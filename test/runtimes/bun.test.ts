import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { installRuntime } from './install.ts'
import { provePayments } from './payments.ts'
import { startServer } from './process.ts'
import { createRemote } from './remote.ts'

describe.each([
  ['Bun', 'bun.ts'],
  ['Hono on Bun', 'hono-bun.ts'],
])('paid() for %s', (_, app) => {
  const { adapter, url, open, close } = createRemote(
    async ({ folder }) => startServer(await installRuntime('bun'), [join(folder, 'test/runtimes/apps', app)]),
    {
      deviations: {
        'adds a content type to bytes':
          'Bun gives untyped texts and bytes a type when it sends them, but not streams, which first answers are.',
      },
    },
  )
  beforeAll(open, 180_000)
  afterAll(close)

  adapterContract({ describe, it, expect }, adapter)
  if (app === 'bun.ts') provePayments({ describe, it, expect, beforeAll, afterAll, url, worksOn: false })
})
