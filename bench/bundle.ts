import { gzipSync } from 'node:zlib'
import { build, type Metafile, type OutputFile } from 'esbuild'

/** Bytes of a bundle, minified. */
export interface Size {
  /** What is loaded before anything is called. */
  readonly minified: number
  /** The same as it goes over the wire. */
  readonly gzipped: number
  /** With all that may be loaded later, over the wire. */
  readonly wholeGzipped: number
  /** Whether what is loaded before anything is called has viem in it. */
  readonly hasViem: boolean
}

/**
 * Bundles a module.
 *
 * @param contents - Its text, which imports by name, or by path from here.
 */
export async function sizeOf(contents: string, platform: 'node' | 'browser'): Promise<Size> {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    splitting: true,
    outdir: 'out',
    format: 'esm',
    platform,
    logLevel: 'error',
  })
  const first = loadedFirst(metafile)
  const sum = (files: readonly OutputFile[], bytes: (file: OutputFile) => number): number =>
    files.reduce((total, file) => total + bytes(file), 0)
  const gzip = ({ contents }: OutputFile): number => gzipSync(contents, { level: 9 }).length
  const isFirst = ({ path }: OutputFile): boolean => [...first].some((name) => path.endsWith(`/${name}`))
  const files = outputFiles.filter(isFirst)
  const inputs = [...first].flatMap((name) => Object.keys(metafile.outputs[name]?.inputs ?? {}))
  return {
    minified: sum(files, ({ contents }) => contents.length),
    gzipped: sum(files, gzip),
    wholeGzipped: sum(outputFiles, gzip),
    hasViem: inputs.some((file) => file.includes('node_modules/viem/')),
  }
}

/** The entry's output, and those that it imports before anything is called. */
function loadedFirst({ outputs }: Metafile): Set<string> {
  // What is loaded on first use is an entry point, too.
  const entry = Object.keys(outputs).find((name) => outputs[name]?.entryPoint === '<stdin>') ?? ''
  const loaded = new Set([entry])
  for (const name of loaded) {
    for (const { path, kind } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) loaded.add(path)
    }
  }
  return loaded
}
