import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installRuntime } from '../runtimes/install.ts'
import { ROOT } from './imports.ts'
import { installPacked } from './pack.ts'

/**
 * An empty project with the packed package in it, and of all other packages only those that it says it needs.
 */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-package-')))
const installed = join(project, 'node_modules/coffer')

const { exports, dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
)
const entries = Object.keys(exports).filter((name) => name !== './package.json')
const specifiers = entries.map((name) => name.replace('.', 'coffer'))

beforeAll(async () => {
  await installRuntime('next')
  await installPacked(project)
  const types = ['@types/node', '@types/express', '@types/on-headers']
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), ...types]) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    const from = existsSync(join(ROOT, 'node_modules', name)) ? ROOT : join(ROOT, 'test/runtimes')
    symlinkSync(join(from, 'node_modules', name), link)
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  // The first run on a machine installs the frameworks.
}, 180_000)

afterAll(() => rmSync(project, { recursive: true }))

describe('the packed package', () => {
  it('holds what was built, and the pages about it, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY.md', 'package.json']
    expect(files.filter((file) => !/^dist\/.*\.(?:js|d\.ts)$/.test(file)).sort()).toEqual(pages)
  })

  it('has every file that its exports name', () => {
    const named = Object.values(exports).flatMap((target) =>
      Object.values(typeof target === 'string' ? { target } : { ...(target as object) }),
    )
    expect(named.filter((file) => !existsSync(join(installed, String(file))))).toEqual([])
  })

  it.each(specifiers)('%s is imported by Node, and exports something', (specifier) => {
    const script = `process.stdout.write(JSON.stringify(Object.keys(await import('${specifier}'))))`
    const output = execFileSync('node', ['--input-type=module', '--eval', script], {
      cwd: project,
      encoding: 'utf8',
    })
    expect(JSON.parse(output)).not.toEqual([])
  })

  it('coffer/next charges where Next is not running: in the unit tests of a seller', () => {
    const output = execFileSync('node', ['--input-type=module', '--eval', NEXT_ROUTE], {
      cwd: project,
      encoding: 'utf8',
    })
    expect(output).toBe('402 200 paid 409')
  })

  it.each([
    ['Node', ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ['bundlers', ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ])('has types for %s, which hold for a seller who uses all entries', (_, module, moduleResolution) => {
    const seller = join(project, 'seller.ts')
    writeFileSync(
      seller,
      SELLER +
        specifiers.map((name, at) => `import * as entry${at} from '${name}'\nvoid entry${at}\n`).join(''),
    )
    const program = ts.createProgram([seller], {
      module,
      moduleResolution,
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
    })
    // Of declaration files only our own are checked: those of others are theirs.
    const ours = program
      .getSourceFiles()
      .filter(({ fileName }) => fileName === seller || fileName.startsWith(installed))
    const diagnostics = [
      ...program.getGlobalDiagnostics(),
      ...ours.flatMap((file) => [
        ...program.getSyntacticDiagnostics(file),
        ...program.getSemanticDiagnostics(file),
      ]),
    ]
    expect(
      diagnostics.map(
        ({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      ),
    ).toEqual([])
    expect(ours.length).toBeGreaterThan(specifiers.length)
  })
})

/** Calls a route handler as a test would: without a payment, with one, with the same again. */
const NEXT_ROUTE = `
import { createCoffer } from 'coffer'
import { memory } from 'coffer/memory'
import { paid } from 'coffer/next'

const coffer = createCoffer({
  secret: 'a secret of at least thirty-two bytes',
  wallets: { main: { address: '0x1111111111111111111111111111111111111111' } },
  protocols: [],
  store: memory(),
  stub: true,
})
const GET = paid(coffer, { price: '0.05' }, () => new Response('paid'))
const ask = (headers = {}) => GET(new Request('https://api.test/report', { headers }), {})
const unpaid = await ask()
const answer = await ask({ 'x-payment': 'stub_1' })
const text = await answer.text()
const again = await ask({ 'x-payment': 'stub_1' })
process.stdout.write([unpaid.status, answer.status, text, again.status].join(' '))
`

/** What a seller writes. */
const SELLER = `
import express, { type Request, type Response } from 'express'
import { type Coffer, CofferError, createCoffer, type Grant } from 'coffer'
import { baseSepolia, wallet } from 'coffer/evm'
import { paid } from 'coffer/express'
import { paid as paidFetch } from 'coffer/fetch'
import { memory } from 'coffer/memory'
import { x402 } from 'coffer/x402'

export const coffer: Coffer = createCoffer({
  secret: 'a secret of at least thirty-two bytes',
  wallets: { main: { address: '0x1111111111111111111111111111111111111111' } },
  protocols: [x402({ networks: [baseSepolia({ rpc: 'http://127.0.0.1:8545', settle: wallet('0x01') })] })],
  store: memory(),
})

express().get('/:id', paid(coffer, { price: '0.05' }), (req: Request<{ id: string }>, res: Response) => {
  const id: string = req.params.id
  const payer: \`0x\${string}\` | undefined = req.payment?.payer
  res.json({ id, payer })
})

export const handler: (request: globalThis.Request, extra: number) => Promise<globalThis.Response> = paidFetch(
  coffer,
  { price: '0.05' },
  (request, grant: Grant, extra: number) => globalThis.Response.json([request.url, grant.payment.paymentId, extra]),
)

// @ts-expect-error: a price is not a number
paid(coffer, { price: 0.05 })

export const code = (error: unknown): string => (error instanceof CofferError ? error.code : 'other')
`
