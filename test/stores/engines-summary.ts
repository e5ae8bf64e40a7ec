/** Says after a run which engines it ran on: see `engines.ts`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files write which engines they have found. */
    enginesFile: string
  }
}

export default function setup({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-engines-'))
  const file = join(folder, 'engines.txt')
  writeFileSync(file, '')
  provide('enginesFile', file)
  return () => {
    const lines = [...new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean))].sort()
    rmSync(folder, { recursive: true })
    if (lines.length > 0) console.log(`\nEngines: ${lines.join('; ')}.`)
  }
}
