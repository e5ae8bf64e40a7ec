import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { provePayments } from './payments.ts'
import { createRemote } from './remote.ts'
import { startWorker } from './workerd.ts'

describe('paid() for Workers', () => {
  const { adapter, url, open, close } = createRemote(
    (project) => startWorker(project, 'test/runtimes/apps/workerd.ts'),
    {
      deviations: {
        'may cut off uploads that are refused':
          'workerd closes the connection of a request whose body it does not want.',
        'notices only clients that reset their connection':
          'workerd looks at a connection when it writes to it; at the edge of Cloudflare another server does that for it.',
      },
    },
  )
  beforeAll(open, 180_000)
  afterAll(close)

  adapterContract({ describe, it, expect }, adapter)
  provePayments({ describe, it, expect, beforeAll, afterAll, url, worksOn: true })
})
