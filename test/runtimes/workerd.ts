import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { installRuntime } from './install.ts'
import type { Running } from './process.ts'
import type { Project } from './project.ts'

/** What of Miniflare is used here. */
interface Miniflare {
  readonly ready: Promise<URL>
  dispose(): Promise<void>
}

/** Bundles a Worker of a project, as sellers do, and runs it. */
export async function startWorker({ folder }: Project, entry: string): Promise<Running> {
  const bundle = await build({
    entryPoints: [join(folder, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
  })
  const [script] = bundle.outputFiles
  const require = createRequire(await installRuntime('miniflare'))
  const miniflare: { Miniflare: new (options: object) => Miniflare } = require('miniflare')
  const server = new miniflare.Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: script?.text }],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    compatibilityDate: '2026-06-01',
    compatibilityFlags: ['nodejs_compat', 'enable_request_signal'],
  })
  const { origin } = await server.ready
  return { url: origin, stop: () => server.dispose() }
}
