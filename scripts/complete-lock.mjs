/**
 * Adds to the lock files the packages of other platforms that npm leaves out of them (npm/cli#4828): without them `npm ci`
 * says that a lock file does not fit. Run it after every `npm install`.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const OS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'aix',
  'win32',
]
const CPU = {
  amd64: 'x64',
  x64: 'x64',
  arm64: 'arm64',
  arm: 'arm',
  ia32: 'ia32',
  loong64: 'loong64',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  mips64el: 'mips64el',
}

for (const folder of ['..', '../test/runtimes', '../test/mcp/official'])
  complete(new URL(`${folder}/package-lock.json`, import.meta.url))

function complete(path) {
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  let added = 0
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`
      const words = name.split(/[/-]/)
      const os = OS.find((each) => words.includes(each))
      const cpu = words.map((word) => CPU[word]).find(Boolean)
      if (lock.packages[key] || !os || !cpu || !/^\d/.test(version)) continue
      const libc = os === 'linux' ? (/musl/.test(name) ? 'musl' : 'glibc') : null
      lock.packages[key] = {
        version,
        cpu: [cpu],
        ...(parent.dev && { dev: true }),
        ...(libc && { libc: [libc] }),
        optional: true,
        os: [os],
      }
      added++
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
  process.stdout.write(`${added} packages of other platforms added\n`)
}
