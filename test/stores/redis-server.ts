import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Redis server of our own, which may be ended and started again on its data. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it as a power cut would, but for what the system has still to write. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it, and deletes its data. */
  stop(): Promise<void>
}

/** Starts a server on a free port. With no more arguments it keeps nothing on disk. */
export async function startRedisServer(...args: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-redis-'))
  const port = await freePort()
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const address = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder]
    const server = spawn('redis-server', [...address, '--save', '', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    child = server
    let log = ''
    for await (const chunk of server.stdout.setEncoding('utf8')) {
      log += chunk
      if (!log.includes('Ready to accept connections')) continue
      server.stdout.resume()
      return
    }
    throw new Error(`redis-server did not start: ${log}`)
  }

  async function kill(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    start,
    async stop() {
      await kill()
      rmSync(folder, { recursive: true })
    },
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
