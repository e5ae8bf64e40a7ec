import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomesOn, reportContract } from '../runtimes/contract-report.ts'
import type { Outcome } from '../runtimes/contract-runner.ts'
import { installRuntime } from '../runtimes/install.ts'
import { declareS3 } from './s3-contract.ts'
import { type S3Stub, startS3Stub } from './s3-stub.ts'

const worker = join(import.meta.dirname, 's3-contract-worker.ts')

/** For the names of the tests alone. */
const NOWHERE = {
  endpoint: '',
  bucket: '',
  region: '',
  credentials: { accessKeyId: '', secretAccessKey: '' },
}

/** How the contract is run, by runtime. */
const runs: Readonly<Record<string, (options: string) => Promise<readonly Outcome[]>>> = {
  Bun: (options) => outcomesOn('Bun', 's3', options),
  Deno: (options) => outcomesOn('Deno', 's3', options),
  async Workers(options) {
    const entry = await installRuntime('miniflare')
    const { Miniflare } = createRequire(join(entry, '../../miniflare/package.json'))('miniflare')
    const workerd = new Miniflare({
      modules: true,
      script: await bundle(),
      compatibilityDate: '2026-01-01',
      cf: false,
    })
    try {
      const answer = await workerd.dispatchFetch('http://worker/', { method: 'POST', body: options })
      return await answer.json()
    } finally {
      await workerd.dispose()
    }
  },
}

/** One module, with nothing of Node. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [worker],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
  })
  return outputFiles[0]?.text ?? ''
}

describe.each(Object.entries(runs))('on %s', (_, run) => {
  let stub: S3Stub
  beforeAll(async () => {
    stub = await startS3Stub()
    stub.failWhen((seen) => (seen.startsWith('GET broken/') ? { breakAt: 500_000 } : null))
  })
  afterAll(() => stub?.stop())

  reportContract(declareS3(NOWHERE), () => run(JSON.stringify(stub.options)))

  it('leaves no upload behind', () => {
    expect(stub.seen).toContain('POST failing/0123456789abcdef0123456789abcdef?begin')
    expect(stub.uploads()).toEqual([])
  })
})
