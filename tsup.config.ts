import { defineConfig } from 'tsup'

/** One package entry per `src/*.ts` and per adapter; shared code becomes shared chunks. */
export default defineConfig({
  entry: {
    index: 'src/index.ts',
    evm: 'src/evm.ts',
    x402: 'src/x402.ts',
    mpp: 'src/mpp.ts',
    memory: 'src/memory.ts',
    sqlite: 'src/sqlite.ts',
    webhooks: 'src/webhooks.ts',
    'webhook-verify': 'src/webhook-verify.ts',
    'blobs-fs': 'src/blobs-fs.ts',
    'manifest-verify': 'src/manifest-verify.ts',
    testing: 'src/testing.ts',
    'adapters/fetch': 'adapters/fetch.ts',
    'adapters/express': 'adapters/express.ts',
  },
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  // Node's own modules keep their prefix: bare names would be looked up as packages.
  removeNodeProtocol: false,
  external: [/^node:/],
  splitting: true,
  treeshake: true,
  dts: true,
  clean: true,
})
