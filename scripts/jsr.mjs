/**
 * Writes `jsr.json`, the package as JSR has it, from `package.json`. Run it after every change of version or entries. JSR takes
 * sources, and none that add to the types of others, as those of Express's requests do: Express users take the package from npm.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const { version, license, exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

/** The source that an entry is built from. */
function sourceOf({ default: built }) {
  const name = built.replace('./dist/', '').replace(/\.js$/, '.ts')
  return existsSync(new URL(`src/${name}`, root)) ? `./src/${name}` : `./${name}`
}

const entries = Object.entries(exports).filter(([name]) => !['./package.json', './express'].includes(name))
const manifest = {
  name: '@coffer/coffer',
  version,
  license,
  exports: Object.fromEntries(entries.map(([name, entry]) => [name, sourceOf(entry)])),
  // A peer, which JSR does not know of.
  imports: { next: 'npm:next@16' },
  publish: { include: ['src', 'adapters', 'README.md', 'CHANGELOG.md', 'LICENSE', 'package.json'] },
}
writeFileSync(new URL('jsr.json', root), `${JSON.stringify(manifest, null, 2)}\n`)
