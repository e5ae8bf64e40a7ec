import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import type { VaultEvent } from '../../src/vaults/vault-event.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { numbersOf, upTo } from '../api/follower.ts'
import { openRelay, type Relay } from '../api/relay.ts'
import { serveVaults, type VaultServer } from '../api/vault-server.ts'
import { ROOT } from '../package/imports.ts'
import { type Chromium, openChromium } from './chromium.ts'

let server: VaultServer
let relay: Relay
let browser: Chromium

beforeAll(async () => {
  server = await serveVaults({ options: { vaults: { blobs: memoryBlobs(), bus: memoryBus() } } })
  relay = await openRelay(server.port)
  browser = await openChromium(`${await clientScript()}\n${await recipeScript()}`)
}, 60_000)

afterAll(async () => {
  await browser.close()
  await relay.close()
  await server.close()
})

/** Our client as a bundler packs it for a page, and what the tests do with it there. */
async function clientScript(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { vaultEvents } from './src/client.ts'
        globalThis.got = []
        globalThis.followWithClient = async (url, token) => {
          try {
            for await (const event of vaultEvents(url, { token })) got.push(event)
            return 'ended'
          } catch (error) {
            return error.name + ' ' + error.code + ' ' + error.status
          }
        }`,
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    minify: true,
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

/** The function of the recipe, as it stands there. */
async function recipeScript(): Promise<string> {
  const page = readFileSync(join(ROOT, 'docs/recipes/live-events.md'), 'utf8')
  const block = [...page.matchAll(/```ts\n(.*?)```/gs)]
    .map(([, text = '']) => text)
    .find((text) => text.includes('EventSource'))
  const { code } = await transform(block ?? '', { loader: 'ts' })
  return `${code.replace('export ', '')}\nglobalThis.followWithRecipe = (url, token) => follow(url, token, (event) => got.push(event))`
}

/** A vault, a token to read it, and its URL, which is of another origin than the page. */
async function createShared(): Promise<{ vault: Vault; token: string; url: string }> {
  const vault = await server.createVault()
  const { token } = await vault.issueAccessToken()
  await browser.page.evaluate('got.length = 0')
  return { vault, token, url: `${relay.url}/vaults/${vault.id}` }
}

const call = (name: string, ...args: readonly string[]): Promise<unknown> =>
  browser.page.evaluate(`${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`)

const got = (): Promise<VaultEvent[]> => browser.page.evaluate('got')

async function gotten(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await got()).toHaveLength(count), { timeout: 20_000, interval: 50 })
}

describe('in Chromium, from a page of another origin', () => {
  it('our client gets everything through cuts, and ends with the vault', async () => {
    const { vault, token, url } = await createShared()
    await vault.emit('step', 1)
    const ended = call('followWithClient', url, token)
    await gotten(1)
    for (let n = 2; n <= 4; n++) {
      relay.cut()
      await vault.emit('step', 'two\nlines \u0000 é😀')
      await gotten(n)
    }
    await vault.seal('Done')
    expect(await ended).toBe('ended')
    const events = await got()
    expect(numbersOf(events)).toEqual(upTo(5))
    expect(events[1]).toMatchObject({ type: 'step', payload: 'two\nlines \u0000 é😀', vaultId: vault.id })
  }, 60_000)

  it('our client says why it may not read', async () => {
    const { url } = await createShared()
    expect(await call('followWithClient', url, 'vat_a.b.c')).toBe('CofferError refused 401')
    const { token } = await createShared()
    expect(await call('followWithClient', url, token)).toBe('CofferError refused 404')
  })

  it('EventSource gets everything on tickets, through cuts and past the end of a ticket', async () => {
    const { vault, token, url } = await createShared()
    await vault.emit('step', 1)
    await call('followWithRecipe', url, token)
    await gotten(1)
    // It comes back by itself, with the ticket that it has.
    relay.cut()
    await vault.emit('step', 2)
    await gotten(2)
    // That is too old now.
    server.advance(60_000)
    relay.cut()
    await vault.emit('step', 3)
    await gotten(3)
    await vault.seal('Done')
    await gotten(4)
    expect(numbersOf(await got())).toEqual(upTo(4))
  }, 60_000)

  it('EventSource on a ticket stops when its token is revoked', async () => {
    const { vault, url } = await createShared()
    const { token, id } = await vault.issueAccessToken()
    const tried: string[] = []
    browser.page.on('response', (answer) => tried.push(`${answer.status()} ${answer.request().method()}`))
    await vault.emit('step', 1)
    await call('followWithRecipe', url, token)
    await gotten(1)
    await vault.revokeAccessToken(id)
    relay.cut()
    // The stream is refused, and so is another ticket.
    await vi.waitFor(() => expect(tried.slice(-2)).toEqual(['401 GET', '401 POST']), 20_000)
    await vault.emit('step', 2)
    await vault.seal()
    expect(await got()).toHaveLength(1)
  }, 60_000)

  it('EventSource stops asking where there is no more', async () => {
    const { vault, token, url } = await createShared()
    await vault.seal()
    const { ticket } = (await (
      await server.send(`/vaults/${vault.id}/stream-ticket`, { method: 'POST', bearer: token })
    ).json()) as { ticket: string }
    const state = await browser.page.evaluate(
      (from) =>
        new Promise((resolve) => {
          const source = new EventSource(from)
          let messages = 0
          source.onmessage = () => messages++
          source.onerror = () => {
            if (source.readyState === EventSource.CLOSED) resolve({ messages })
          }
        }),
      `${url}/events?ticket=${ticket}`,
    )
    // Once whole, then 204.
    expect(state).toEqual({ messages: 1 })
  }, 60_000)
})
