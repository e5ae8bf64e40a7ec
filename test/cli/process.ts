import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'vitest'

const BIN = join(import.meta.dirname, '../../src/cli/bin.ts')

/** What a process has written, and how it ended: by a code, or by a signal. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** What a process is started with. */
export interface Started {
  /** Besides `PATH`. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** File descriptors from 3 on, by what is written into them. */
  readonly descriptors?: readonly string[]
}

/** The command line in a process of its own. */
export interface CliProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when standard output or standard error has a text. */
  says(text: string): Promise<void>
}

/** Starts the command line. */
export function startCli(
  args: readonly string[],
  { env = {}, input, descriptors = [] }: Started = {},
): CliProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    // Without a terminal, also where whoever runs the tests has one.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', ...descriptors.map(() => 'pipe' as const)],
  })
  let [out, err] = ['', '']
  const watchers = new Set<() => void>()
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
    for (const look of watchers) look()
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk
    for (const look of watchers) look()
  })
  child.stdin?.on('error', () => {}).end(input ?? '')
  for (const [at, text] of descriptors.entries()) {
    const pipe = child.stdio[3 + at]
    if (pipe && 'end' in pipe) pipe.on('error', () => {}).end(text)
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }))
  return {
    child,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!`${out}${err}`.includes(text)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
        ended.then(() => reject(new Error(`it ended without saying ${text}: ${out}${err}`)))
      }),
  }
}

/** Runs the command line to its end. */
export function runProcess(args: readonly string[], started?: Started): Promise<Ended> {
  return startCli(args, started).ended
}

/** That nothing was written by which somebody could pay, or take what was paid for. */
export function expectNoSecrets({ out, err }: Ended, ...secrets: readonly string[]): void {
  for (const text of [out, err]) {
    for (const secret of secrets) expect(text).not.toContain(secret.replace(/^0x/, ''))
    expect(text).not.toMatch(/sess_[A-Za-z0-9_-]{20}|^ {4}at /m)
    // A signature of 65 bytes, in hexadecimal or as part of an encoded credential.
    expect(text).not.toMatch(/0x[0-9a-f]{130}(?![0-9a-f])/i)
  }
}
