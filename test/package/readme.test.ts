import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(`${ROOT}README.md`, 'utf8')
const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((found) => found[1] ?? '')

describe('the code of the README', () => {
  it('compiles, with the types of the package', () => {
    // Beside the sources, so that the package's own name and its dependencies resolve.
    const folder = mkdtempSync(`${ROOT}test/.readme-`)
    try {
      const names = blocks.map((block, at) => {
        const name = `${folder}/block-${at}.ts`
        writeFileSync(name, `${PROLOGUE[at] ?? ''}${block}\nexport {}\n`)
        return name
      })
      // Rules of our own house, not of a reader's.
      const compilerOptions = { noPropertyAccessFromIndexSignature: false, noUnusedLocals: false }
      const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
      writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config))
      expect(names.length).toBeGreaterThan(1)
      const compiler = `${ROOT}node_modules/typescript/bin/tsc`
      const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
      expect(stdout).toBe('')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('charges for a route in about fifteen lines', () => {
    const lines = (blocks[0] ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('import'))
    expect(lines.length).toBeLessThanOrEqual(15)
  })

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: object }
    for (const [, command = ''] of readme.matchAll(/npm (?:run )?(\w+)/g)) {
      if (command !== 'ci') expect(Object.keys(scripts)).toContain(command)
    }
  })
})

/** What a block takes from the text before it. */
const OPTIONS =
  "import { type CofferOptions, createCoffer, plans } from 'coffer'\ndeclare const options: CofferOptions\n"
const PARTS = "import { paid } from 'coffer/fetch'\nimport { memoryBlobs } from 'coffer/memory'\n"
const PROLOGUE = ['', OPTIONS, OPTIONS, OPTIONS + PARTS]
