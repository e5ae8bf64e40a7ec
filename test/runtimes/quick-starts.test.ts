import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { afterEach, describe, expect, it } from 'vitest'
import { ROOT } from '../package/imports.ts'
import { installRuntime } from './install.ts'
import { freePort, type Running, startServer } from './process.ts'
import { createProject, type Project } from './project.ts'
import { startWorker } from './workerd.ts'

/** How a reader of a page starts what it tells to write. */
const starts: Readonly<Record<string, (project: Project) => Promise<Running>>> = {
  express: ({ folder }) => startOnPort(process.execPath, ['server.ts'], folder),
  async next({ folder }) {
    const config = { turbopack: { root: ROOT }, typescript: { ignoreBuildErrors: true } }
    await write(join(folder, 'next.config.mjs'), `export default ${JSON.stringify(config)}\n`)
    // Without them Next would ask npm for them; `create-next-app` has them.
    await write(join(folder, 'node_modules/@types/react/package.json'), '{ "types": "index.d.ts" }')
    await write(join(folder, 'node_modules/@types/react/index.d.ts'), 'export {}')
    const env = { NODE_ENV: 'development', NEXT_TELEMETRY_DISABLED: '1' }
    return startOnPort(await installRuntime('next'), ['dev', '--hostname', '127.0.0.1'], folder, env)
  },
  hono: async ({ folder }) => startOnPort(await installRuntime('bun'), ['server.ts'], folder),
  bun: async ({ folder }) => startOnPort(await installRuntime('bun'), ['server.ts'], folder),
  deno: async ({ folder }) => startOnPort(await installRuntime('deno'), ['run', '-A', 'server.ts'], folder),
  workers: (project) => startWorker(project, 'worker.ts'),
}

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

describe('a stranger with an empty folder, the package, and the quick start of', () => {
  it.each(Object.keys(starts))(
    '%s, is paid',
    async (name) => {
      const project = await createProject()
      open.push(project.remove)
      for (const [file, text] of await filesOf(name)) await write(join(project.folder, file), text)
      const server = await starts[name]?.(project)
      if (server === undefined) throw new Error(`no way to start ${name}`)
      open.push(server.stop)

      const ask = (headers: Record<string, string>) => fetch(`${server.url}/report/7`, { headers })
      const unpaid = await ask({})
      expect([unpaid.status, await unpaid.json()]).toEqual([402, expect.objectContaining({ status: 402 })])
      const paid = await ask({ 'x-payment': 'stub_1' })
      expect(await paid.json()).toMatchObject({ paidBy: expect.stringMatching(/^0x/) })
      expect((await ask({ 'x-payment': 'stub_1' })).status).toBe(409)
      const preflight = { origin: 'https://agent.test', 'access-control-request-method': 'GET' }
      const asked = await fetch(`${server.url}/report/7`, { method: 'OPTIONS', headers: preflight })
      expect(asked.headers.get('access-control-allow-headers')).toContain('PAYMENT-SIGNATURE')
    },
    180_000,
  )
})

describe('the code of the quick starts', () => {
  it.each([
    [['express', 'next', 'hono', 'bun', 'workers', 'money'], 'node'],
    [['deno'], 'deno'],
  ])(
    'has the types of the package: %s',
    async (names, platform) => {
      const project = await createProject()
      open.push(project.remove)
      const paths: string[] = []
      for (const name of names) {
        for (const [file, text] of [...(await filesOf(name)), ...Object.entries(CHECKS[name] ?? {})]) {
          const path = join(project.folder, name, file)
          await write(path, text)
          paths.push(path)
        }
      }
      const program = ts.createProgram(paths, {
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        target: ts.ScriptTarget.ES2023,
        types: [platform],
        typeRoots: [join(ROOT, 'node_modules/@types')],
        lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
      })
      const wrong = ts
        .getPreEmitDiagnostics(program)
        .map(
          ({ file, messageText }) =>
            `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
        )
      expect(wrong).toEqual([])
    },
    120_000,
  )
})

/** What stands in for the types of Bun, as far as its page uses them. */
const BUN = `
declare namespace Bun {
  interface BunRequest<Path extends string> extends Request {
    readonly params: Path extends \`\${string}:\${infer Name}\` ? { [key in Name]: string } : {}
  }
  interface Server {
    requestIP(request: Request): { address: string; family: 'IPv4' | 'IPv6'; port: number } | null
    timeout(request: Request, seconds: number): void
  }
  function serve<Path extends string>(options: {
    routes: { [path in Path]: (request: BunRequest<path>, server: Server) => Response | Promise<Response> }
  }): Server
}
`

/** What Next itself asks of the files of routes. */
const NEXT = `
import type { NextRequest } from 'next/server.js'
import * as api from './app/coffer/[...path]/route'
import * as report from './app/report/[id]/route'
type Handler = (request: NextRequest, context: { params: Promise<{ id: string }> }) => Promise<Response>
export const checked = [report.GET, report.OPTIONS, api.GET, api.PATCH] satisfies Handler[]
`

/** Files besides those of a page. */
const CHECKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bun: { 'bun.d.ts': BUN },
  next: { 'check.ts': NEXT },
}

/** The files that a page tells to write: blocks that are named behind their language. */
async function filesOf(name: string): Promise<readonly (readonly [file: string, text: string])[]> {
  const page = await readFile(join(ROOT, 'docs/quick-starts', `${name}.md`), 'utf8')
  return [...page.matchAll(/```ts (\S+)\n(.*?)```/gs)].map(([, file = '', text = '']) => [file, text])
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** Starts a server that is told its port by the environment. */
async function startOnPort(
  command: string,
  parameters: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const port = String(await freePort())
  const env = { PORT: port, DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`, ...more }
  return startServer(command, parameters, { cwd, env, url: `http://127.0.0.1:${port}` })
}
