import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from './imports.ts'

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT, exclude: ['docs/reference/**'] })].map(
  (path) => ({
    path,
    text: readFileSync(join(ROOT, path), 'utf8'),
  }),
)

/** What every block may take for granted: somebody's configuration, and the seller that it makes. */
const GIVEN = `
declare const options: import('coffer').CofferOptions
declare const coffer: import('coffer').Coffer
declare const bucket: import('coffer/blobs-s3').S3Options
`

describe('the documentation', () => {
  it('has code that compiles, with the types of the package', () => {
    // Beside the sources, so that the package's own name and its dependencies resolve.
    const folder = mkdtempSync(join(ROOT, 'test/.documentation-'))
    try {
      writeFileSync(join(folder, 'given.d.ts'), GIVEN)
      for (const { path, text } of pages) {
        for (const [at, block] of programsOf(text).entries()) {
          writeFileSync(join(folder, `${path.replaceAll('/', '-')}-${at + 1}.ts`), block)
        }
      }
      // Rules of our own house, not of a reader's.
      const compilerOptions = {
        noPropertyAccessFromIndexSignature: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
      }
      const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
      const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
      const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
      expect(stdout).toBe('')
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 300_000)

  it('links to pages and headings that there are', () => {
    const broken = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
        .filter(([, page = '', heading]) => {
          const file = page === '' ? join(ROOT, path) : join(ROOT, dirname(path), page)
          return !existsSync(file) || (heading !== undefined && !headingsOf(file).includes(heading))
        })
        .map(([link]) => `${path}: ${link}`),
    )
    expect(broken).toEqual([])
  })
})

/** The headings of a page, as links name them. */
function headingsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('the README', () => {
  it('charges for a route in about fifteen lines', () => {
    const [block = ''] = blocksOf(readme)
    const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith('import'))
    expect(lines.length).toBeLessThanOrEqual(15)
  })

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
    for (const [, command = ''] of readme.matchAll(/npm (?:run )?(\w+)/g)) {
      if (!['ci', 'install'].includes(command)) expect(Object.keys(scripts)).toContain(command)
    }
  })
})

function blocksOf(page: string): readonly string[] {
  return [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block = '']) => block)
}

/** The blocks of a page as modules. What one imports, those after it may use. */
function programsOf(page: string): readonly string[] {
  const imported = new Map<string, string>()
  return blocksOf(page).map((block) => {
    const own = importsOf(block)
    const earlier = [...imported].filter(([name]) => !own.has(name)).map(([, line]) => line)
    for (const [name, line] of own) imported.set(name, line)
    return `${[...earlier, block].join('\n')}\nexport {}\n`
  })
}

/** A statement for each name that a block imports, by the name. */
function importsOf(block: string): ReadonlyMap<string, string> {
  const statements = [...block.matchAll(/^import (?:(\w+)|\{([^}]*)\}) from ('[^']+')/gm)]
  return new Map(
    statements.flatMap(([, whole, parts = '', from]) =>
      (whole ? [whole] : parts.split(',').map((part) => part.trim()))
        .filter((name) => name !== '')
        .map((name) => [name, `import ${whole ? name : `{ ${name} }`} from ${from}`] as const),
    ),
  )
}
