import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** A server in a process of its own. */
export interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** How a server is started. */
export interface ServerOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Where it will listen. Default: what it prints first that is a URL. */
  readonly url?: string
}

/** Starts a server, and waits until it listens. Rejects with what it printed when it ends before that. */
export async function startServer(
  command: string,
  parameters: readonly string[],
  { cwd, env, url }: ServerOptions = {},
): Promise<Running> {
  const child = spawn(command, parameters, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  const exited = once(child, 'exit')
  let printed = ''
  const found = new Promise<string>((resolve, reject) => {
    const read = (text: string): void => {
      printed += text
      const [told] = /http:\/\/[\w.]+:\d+/.exec(printed) ?? []
      if (told !== undefined && url === undefined) resolve(told)
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.on('error', reject)
    exited.then(([code]) => reject(new Error(`${command} ended with ${code}:\n${printed}`)), reject)
    if (url !== undefined) until(url, exited).then(() => resolve(url), reject)
  })
  return {
    url: await found,
    async stop() {
      child.kill()
      await exited
    },
  }
}

/** Tries until somebody listens, or `ended` is settled. */
async function until(url: string, ended: Promise<unknown>): Promise<void> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  ended.then(over, over)
  while (!isOver && !(await isListening(url))) await new Promise((resolve) => setTimeout(resolve, 50))
}

async function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const outcome = await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => null)
  socket.destroy()
  return outcome !== null && outcome.length === 0
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  await once(server.close(), 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
