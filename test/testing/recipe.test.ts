import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it, vi } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/recipes/testing.md'), 'utf8')
const [first = ''] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block = '']) => block)
const folder = mkdtempSync(join(ROOT, 'test/.recipe-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The sources that the entries of the package are made of. */
function fromSource(block: string): string {
  return block
    .replace(/'coffer\/(fetch)'/g, `'${ROOT}adapters/$1.ts'`)
    .replace(/'coffer\/([\w-]+)'/g, `'${ROOT}src/$1.ts'`)
    .replace(/'coffer'/g, `'${ROOT}src/index.ts'`)
}

it('docs/recipes/testing.md begins with a test that passes, on no network', async () => {
  const file = join(folder, 'recipe.ts')
  writeFileSync(file, fromSource(first))
  const asserted: unknown[] = []
  const assert = vi.spyOn(console, 'assert').mockImplementation((held) => void asserted.push(held))
  const network = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network here'))
  await import(file)
  expect(asserted).toEqual([true, true])
  expect(network).not.toHaveBeenCalled()
  assert.mockRestore()
  network.mockRestore()
})
