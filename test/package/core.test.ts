import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { isFile, loadedWith, ROOT, textOf } from './imports.ts'

/** Entries that are for Node and what is compatible with it; all others run wherever there is `fetch`. */
const NODE_ONLY = new Set([
  './sqlite',
  './blobs-fs',
  './client-node',
  './express',
  './next',
  './webhooks',
  './package.json',
])

/** Packages that may be loaded before anything is called; the SDK by whoever has it, for `coffer/mcp`. */
const LIGHT = [
  '@modelcontextprotocol/sdk',
  '@noble/curves',
  '@noble/hashes',
  '@opentelemetry/api',
  'aws4fetch',
  'zod',
]

const exported: Record<string, { default: string }> = JSON.parse(textOf('package.json')).exports
const edge = Object.entries(exported).flatMap(([name, { default: file }]) =>
  NODE_ONLY.has(name) ? [] : [[name, file.replace('./', '')] as const],
)

describe.each(edge)('the entry %s', (_, entry) => {
  it('loads no builtin of Node, and only light packages (fault 19)', () => {
    const packages = [...loadedWith(entry)].filter((to) => !isFile(to))
    expect(packages.filter((name) => !LIGHT.some((light) => name.startsWith(light)))).toEqual([])
  })

  it('bundles for a runtime that is not Node, with everything it may load later (fault 23)', async () => {
    const { warnings, metafile } = await bundle(entry)
    // A shared chunk that a bundler drops is what "sideEffects": false is for.
    expect(warnings.filter(({ id }) => id !== 'ignored-bare-import')).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  })
})

describe('the core', () => {
  it('is bundled without viem (fault 19)', async () => {
    const { metafile } = await bundle('dist/index.js')
    expect(
      Object.keys(metafile.inputs).filter((file) => /node_modules\/(?:viem|ox|abitype)\//.test(file)),
    ).toEqual([])
  })

  it('does nothing when it is imported: no viem, no globals, no listeners, nothing that keeps the process up', () => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
      const state = () => JSON.stringify([
        Object.getOwnPropertyNames(globalThis), process.eventNames(), process.getActiveResourcesInfo(),
      ])
      const before = state()
      await import(${JSON.stringify(join(ROOT, 'dist/index.js'))})
      const same = state() === before
      process.stdout.write(JSON.stringify({ same, heavy: loaded.filter((url) => /\\/node_modules\\/(?!@noble|zod)/.test(url)) }))
    `
    const output = execFileSync('node', ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    expect(JSON.parse(output)).toEqual({ same: true, heavy: [] })
  })
})

/** Fails when anything cannot be resolved, which every builtin of Node cannot. */
function bundle(entry: string) {
  return build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    logLevel: 'silent',
  })
}
