import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { startNext } from './next.ts'
import { provePayments } from './payments.ts'
import { createRemote } from './remote.ts'

describe('paid() for Next.js', () => {
  const { adapter, url, open, close } = createRemote(
    ({ folder }) => startNext(join(folder, 'test/runtimes/apps/next')),
    {
      deviations: {
        'does not say who is connected':
          'Route handlers are given headers only. Proxies, as those of Vercel, say it there.',
      },
    },
  )
  beforeAll(open, 300_000)
  afterAll(close)

  adapterContract({ describe, it, expect }, adapter)
  provePayments({ describe, it, expect, beforeAll, afterAll, url, worksOn: true })
})
