import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createTempoPayer, TEN_DOLLARS } from '../clients/payers.ts'
import type { MppxPayers } from './mppx.config.ts'
import { openShop, type Shop } from './shop.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-mppx-'))
let chains: Chains
let shop: Shop

const body: JsonObject = {
  required: true,
  content: { 'application/json': { schema: { type: 'object' }, example: { topic: 'bees' } } },
}

beforeAll(async () => {
  chains = await startChains()
  shop = await openShop(
    {
      '/weather': { price: '0.01', description: 'The weather' },
      '/report': { price: '0.25', serve: async (request) => Response.json(await request.json()) },
    },
    {
      evm: [chains.evm],
      tempo: chains.tempo,
      discovery: {
        title: 'A shop',
        routes: {
          'GET /weather': { price: '0.01', description: 'The weather' },
          'POST /report': { price: '0.25', openapi: { requestBody: body } },
        },
      },
    },
  )
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
  rmSync(folder, { recursive: true })
})

interface Check {
  readonly label: string
  readonly severity: string
}

/** Runs the official validator as its users do. */
async function validate(payers: MppxPayers): Promise<{ failed: boolean; checks: Check[]; paid: string[] }> {
  const bin = fileURLToPath(import.meta.resolve('mppx').replace(/index\.js$/, 'bin.js'))
  const url = shop.url.replace('127.0.0.1', 'localhost')
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    // Nothing but the shop and the chains is asked: no registry for newer versions.
    CI: 'true',
    npm_config_registry: 'http://localhost:1',
    MPPX_CONFIG: fileURLToPath(new URL('mppx.config.ts', import.meta.url)),
    MPPX_TEST_PAYERS: JSON.stringify(payers),
  }
  const [failed, text] = await new Promise<[boolean, string]>((resolve) => {
    execFile(
      process.execPath,
      [bin, 'validate', url, '--yes', '--output-json'],
      { env },
      (error, stdout, stderr) => resolve([error !== null, stdout || stderr]),
    )
  })
  const { discovery, endpoints } = JSON.parse(text.slice(text.indexOf('{'))) as {
    discovery: { checks: Check[] }
    endpoints: { challenge: Check[]; errorHandling: Check[]; payment: Check[] }[]
  }
  const payments = endpoints.flatMap(({ payment }) => payment)
  return {
    failed,
    checks: [
      ...discovery.checks,
      ...endpoints.flatMap((one) => [...one.challenge, ...one.errorHandling]),
      ...payments,
    ],
    paid: payments.map(({ label }) => label).filter((label) => /submitted|successful/.test(label)),
  }
}

it.each(['pull', 'push'] as const)(
  'mppx validate finds nothing to say, pays every method of every route (%s), and is charged the prices',
  async (mode) => {
    const [onEvm, onTempo] = await Promise.all([createEvmPayer(chains.evm), createTempoPayer(chains.tempo)])
    const { url, chainId, usdc } = chains.evm
    const { failed, checks, paid } = await validate({
      evm: { key: onEvm.privateKey, chain: { url, chainId, usdc } },
      tempo: { key: onTempo.privateKey, chain: { url: chains.tempo.url }, mode },
    })
    expect(checks.filter(({ severity }) => severity !== 'pass')).toEqual([])
    expect(failed).toBe(false)
    const perRoute = [
      'Payment [tempo]: submitted',
      'Payment: successful',
      'Payment [evm]: submitted',
      'Payment: successful',
    ]
    expect(paid).toEqual([...perRoute, ...perRoute])
    expect(TEN_DOLLARS - (await chains.evm.balanceOf(onEvm.address))).toBe(260_000n)
    expect(TEN_DOLLARS - (await chains.tempo.balanceOf(onTempo.address))).toBe(260_000n)
  },
)
