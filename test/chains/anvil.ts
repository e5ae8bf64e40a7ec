import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** A running anvil process. */
export interface Anvil {
  /** RPC endpoint, on a free port of the loopback interface. */
  readonly url: string
  /** Calls a JSON-RPC method; rejects with the node's message when it answers with an error. */
  request<Result = unknown>(method: string, params?: readonly unknown[]): Promise<Result>
  /** Ends the process and waits for its end. */
  stop(): Promise<void>
}

/** The ten keys of anvil's well-known mnemonic, funded on every chain that it starts. Worth nothing anywhere else. */
export const devKeys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
  '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
  '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6',
] as const

const READY_MS = 20_000

/**
 * Runs the chain and ends it when its own standard input ends: the operating system closes that pipe however the
 * parent goes, so no chain outlives a killed test run.
 */
const GUARD = `
  const { spawn } = require('node:child_process')
  const chain = spawn(process.argv[1], process.argv.slice(2), { stdio: ['ignore', 'inherit', 'inherit'] })
  const end = () => chain.kill('SIGKILL')
  process.stdin.on('end', end).on('error', end).resume()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end)
  chain.on('error', (error) => { console.error(error.message); process.exit(1) })
  chain.on('exit', (code) => process.exit(code ?? 0))
`

/**
 * Starts anvil with these arguments (besides host and port) and waits until it answers.
 *
 * @throws Error with the chain's output when it ends early or is not ready within 20 s.
 */
export async function startAnvil(args: readonly string[]): Promise<Anvil> {
  const guard = spawn(
    process.execPath,
    ['-e', GUARD, binary(), '--host', '127.0.0.1', '--port', '0', ...args],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    },
  )
  const ended = new Promise<void>((resolve) => guard.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    guard.stdin.end()
    await ended
  }
  guard.stdin.on('error', () => {})

  const output: string[] = []
  let timer: NodeJS.Timeout | undefined
  const port = await new Promise<string | null>((resolve) => {
    timer = setTimeout(() => resolve(null), READY_MS)
    const read = (line: string): void => {
      const found = /^Listening on 127\.0\.0\.1:(\d+)$/.exec(line)
      if (found?.[1]) resolve(found[1])
      else if (output.length < 200) output.push(line)
    }
    // The listeners stay: a pipe that nobody reads would block the chain.
    createInterface({ input: guard.stdout }).on('line', read)
    createInterface({ input: guard.stderr }).on('line', read)
    void ended.then(() => resolve(null))
  })
  clearTimeout(timer)
  if (port === null) {
    await stop()
    throw new Error(`anvil did not start within ${READY_MS} ms:\n${output.join('\n')}`)
  }

  const url = `http://127.0.0.1:${port}`
  return { url, request: (method, params = []) => call(url, method, params), stop }
}

/** The platform's binary itself: ending the npm wrapper would leave the chain running. */
function binary(): string {
  const system = { linux: 'linux', darwin: 'darwin', win32: 'win32' }[process.platform as string]
  const processor = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]
  const name = `@foundry-rs/anvil-${system}-${processor}`
  const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
  try {
    const manifest = createRequire(wrapper).resolve(`${name}/package.json`)
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
  } catch (cause) {
    throw new Error(`no anvil for ${process.platform} ${process.arch}: ${name} is not installed`, { cause })
  }
}

async function call<Result>(url: string, method: string, params: readonly unknown[]): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(30_000),
  })
  const answer = (await response.json()) as { result: Result; error?: { message: string } }
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
  return answer.result
}
