import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createCertificate } from './certificate.ts'

/** One claim of the probe. */
export interface Finding {
  readonly name: string
  readonly holds: boolean
  readonly got: unknown
}

/**
 * Runs `guard-probe.ts` in a process of its own.
 *
 * @param command - A runtime and its arguments before the file, such as `deno run -A`.
 */
export async function runGuardProbe(
  command: string,
  ...parameters: readonly string[]
): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-probe-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const certificate = createCertificate('hooks.example.com')
  writeFileSync(cert, certificate.cert)
  writeFileSync(key, certificate.key)
  const env = { ...process.env, PROBE_CERT: cert, PROBE_KEY: key, NODE_EXTRA_CA_CERTS: cert, DENO_CERT: cert }
  try {
    const probe = join(import.meta.dirname, 'guard-probe.ts')
    const { stdout } = await promisify(execFile)(command, [...parameters, probe], { env })
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
