import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { installRuntime } from './install.ts'
import { provePayments } from './payments.ts'
import { type Running, startServer } from './process.ts'
import { createAppProject, type Project } from './project.ts'
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

describe('a handler that thinks for longer than Bun lets connections idle', () => {
  let project: Project
  let running: Running
  beforeAll(async () => {
    project = await createAppProject()
    const app = join(project.folder, 'test/runtimes/apps/bun-idle.ts')
    running = await startServer(await installRuntime('bun'), [app])
  }, 180_000)
  afterAll(async () => {
    await running?.stop()
    await project?.remove()
  })

  it('is given the time when it is paid for, and loses its client when it is not', async () => {
    const ask = (path: string): Promise<string> =>
      fetch(running.url + path, { headers: { 'x-payment': 'stub_1' } }).then(
        (answer) => answer.text(),
        () => 'cut',
      )
    expect(await Promise.all(['/paid', '/free'].map(ask))).toEqual(['thought', 'cut'])
  }, 30_000)
})
