import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { isFile, loadedWith, ROOT } from '../package/imports.ts'

/** What a page loads before anything is called, minified. What is loaded later, and only by who needs it, is apart. */
async function sizeOf(exports: string): Promise<number> {
  const { metafile } = await build({
    stdin: { contents: `export ${exports} from './src/client.ts'`, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    splitting: true,
    outdir: 'out',
    format: 'esm',
    platform: 'neutral',
    conditions: ['browser', 'worker'],
    mainFields: ['browser', 'module', 'main'],
    logLevel: 'error',
  })
  const entry = Object.keys(metafile.outputs).find((name) => metafile.outputs[name]?.entryPoint) ?? ''
  const loaded = new Set([entry])
  for (const name of loaded) {
    for (const { path, kind } of metafile.outputs[name]?.imports ?? [])
      if (kind === 'import-statement') loaded.add(path)
  }
  return [...loaded].reduce((sum, name) => sum + (metafile.outputs[name]?.bytes ?? 0), 0)
}

describe('the client', () => {
  it.each([
    ['all of it', '*', 60_000],
    ['payFetch alone', '{ payFetch }', 57_500],
  ])('takes fewer than 60 kB into a page (%s)', async (_what, exports, most) => {
    expect(await sizeOf(exports)).toBeLessThan(most)
  })

  it('loads no builtin of Node and no package but @noble/hashes before it is called', () => {
    const packages = [...loadedWith('src/client.ts')].filter((each) => !isFile(each))
    expect(packages.filter((name) => !name.startsWith('@noble/hashes'))).toEqual([])
  })
})
