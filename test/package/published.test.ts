import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT, textOf } from './imports.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-published-'))
let tarball: Buffer<ArrayBuffer>

beforeAll(() => {
  const npm = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  const name = execFileSync('npm', npm, { cwd: ROOT, encoding: 'utf8' }).trim()
  tarball = readFileSync(join(folder, name))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the package as it is published', () => {
  it('has nothing that publint would change', async () => {
    const { messages, pkg } = await publint({ pack: { tarball: arrayBufferOf(tarball) }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('has types that resolve for every way of importing modules', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
    if (!analysis.types) throw new Error('the package has no types')
    // CommonJS and the resolution of Node 10 knew no modules of this kind, and no exports.
    const problems = analysis.problems.filter(
      (problem) =>
        problem.kind !== 'CJSResolvesToESM' &&
        !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
    )
    expect(problems).toEqual([])
  })
})

/** Kilobytes, minified and compressed, with everything that is loaded before anything is called. */
const BUDGETS: Readonly<Record<string, number>> = {
  index: 40,
  'adapters/express': 45,
  'adapters/fetch': 5,
  client: 60,
}

describe.each(Object.entries(BUDGETS))('the entry %s', (entry, budget) => {
  it(`has at most ${budget} kB`, async () => {
    const { outputFiles } = await build({
      entryPoints: [join(ROOT, `dist/${entry}.js`)],
      outdir: folder,
      bundle: true,
      splitting: true,
      format: 'esm',
      minify: true,
      write: false,
      platform: 'neutral',
      external: ['node:*', 'http'],
      conditions: ['browser'],
      mainFields: ['browser', 'module', 'main'],
      logLevel: 'silent',
      metafile: true,
    })
    const files = new Map(outputFiles.map(({ path, contents }) => [path, contents]))
    const [start] = [...files.keys()].filter((path) => path.endsWith(`/${entry.split('/').at(-1)}.js`))
    if (start === undefined) throw new Error(`esbuild wrote no ${entry}`)
    expect(gzipped(loadedFrom(start, files)) / 1000).toBeLessThanOrEqual(budget)
  })
})

/** The file, and all that it imports statically. */
function loadedFrom(start: string, files: ReadonlyMap<string, Uint8Array>): readonly Uint8Array[] {
  const seen = new Set([start])
  for (const path of seen) {
    const text = new TextDecoder().decode(files.get(path))
    for (const [, to = ''] of text.matchAll(/(?:from|import)"(\.[^"]+)"/g)) seen.add(join(path, '..', to))
  }
  return [...seen].flatMap((path) => files.get(path) ?? [])
}

const gzipped = (parts: readonly Uint8Array[]): number =>
  parts.reduce((sum, part) => sum + gzipSync(part).length, 0)

const arrayBufferOf = (buffer: Buffer<ArrayBuffer>): ArrayBuffer =>
  buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length)

it('names a licence, and keeps it beside the package', () => {
  const { license } = JSON.parse(textOf('package.json'))
  expect(textOf('LICENSE')).toContain(`${license} License`)
})
