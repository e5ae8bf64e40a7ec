import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from './contracts/compile.ts'

const folder = new URL('contracts/', import.meta.url)

describe('the committed artifacts are what their sources compile to', () => {
  for (const source of readdirSync(folder).filter((file) => file.endsWith('.sol'))) {
    test(source, { timeout: 60_000 }, () => {
      for (const [name, artifact] of Object.entries(compile(source))) {
        const committed = readFileSync(new URL(`artifact/${name}.json`, folder), 'utf8')
        expect(JSON.parse(committed), name).toEqual(artifact)
      }
    })
  }
})
