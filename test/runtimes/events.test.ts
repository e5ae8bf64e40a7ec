import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { dial } from '../adapters/server.ts'
import { type Followed, followAnswer, numbersOf, upTo } from '../api/follower.ts'
import { ROOT } from '../package/imports.ts'
import { denoCommand } from './deno.ts'
import type { State } from './followed.ts'
import { installRuntime } from './install.ts'
import { type Running, startServer } from './process.ts'
import { startWorker } from './workerd.ts'

const HURRY = { env: { HURRY: '1' } }
const script = join(import.meta.dirname, 'followed-server.ts')

const bun = async (options = {}): Promise<Running> =>
  startServer(await installRuntime('bun'), [script], options)

const starts: Readonly<Record<string, () => Promise<Running>>> = {
  Bun: () => bun(HURRY),
  Deno: async () => {
    const { execPath, execArgv } = denoCommand(await installRuntime('deno'))
    return startServer(execPath, [...execArgv, script], HURRY)
  },
  workerd: () => startWorker({ folder: ROOT, remove: async () => {} }, 'test/runtimes/followed-worker.ts'),
}

/** A vault on a server. */
interface Target {
  readonly id: string
  readonly path: string
  readonly token: string
  follow(after?: string, signal?: AbortSignal): Promise<Followed>
  emit(count: number, size?: number): Promise<void>
  seal(): Promise<void>
}

async function createTarget(url: string): Promise<Target> {
  const { id, token } = (await (await fetch(`${url}/new`)).json()) as { id: string; token: string }
  const path = `/vaults/${id}/events`
  return {
    id,
    path,
    token,
    async follow(after = '', signal) {
      const headers = { authorization: `Bearer ${token}`, 'last-event-id': after }
      const answer = await fetch(url + path, { headers, signal: signal ?? null })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
      return followAnswer(answer)
    },
    async emit(count, size = 10) {
      await (await fetch(`${url}/emit?vault=${id}&count=${count}&size=${size}`)).text()
    },
    async seal() {
      await (await fetch(`${url}/seal?vault=${id}`)).text()
    },
  }
}

describe.each(Object.keys(starts))('the stream of a vault on %s', (name) => {
  let running: Running
  beforeAll(async () => {
    const started = await starts[name]?.()
    if (started === undefined) throw new Error(`there is no ${name}`)
    running = started
  }, 180_000)
  afterAll(() => running.stop())

  const state = async (): Promise<State> => (await fetch(`${running.url}/state`)).json() as Promise<State>
  const quiet = (): Promise<void> =>
    vi.waitFor(async () => expect((await state()).listeners).toBe(0), { timeout: 20_000, interval: 100 })

  it('comes as it happens, beats, and ends with the vault', async () => {
    const target = await createTarget(running.url)
    const stream = await target.follow()
    await stream.step()
    expect(stream.retryMs).toBeGreaterThan(0)
    for (let n = 1; n <= 3; n++) {
      await target.emit(1)
      await stream.take(n)
    }
    while (stream.heartbeats < 2) expect(await stream.step()).toBe(true)
    await target.seal()
    const events = await stream.rest()
    expect(numbersOf(events)).toEqual(upTo(4))
    const headers = { authorization: `Bearer ${target.token}`, 'last-event-id': events.at(-1)?.eventId ?? '' }
    expect((await fetch(running.url + target.path, { headers })).status).toBe(204)
    await quiet()
    expect((await state()).failures).toEqual([])
  })

  it('goes on for others when one of them goes', async () => {
    const target = await createTarget(running.url)
    const leave = new AbortController()
    const first = await target.follow('', leave.signal)
    await first.step()
    const second = await target.follow()
    await second.step()
    await target.emit(1)
    await first.take(1)
    await second.take(1)
    leave.abort()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await target.emit(5)
    await second.take(6)
    await target.seal()
    expect(numbersOf(await second.rest())).toEqual(upTo(7))
    await quiet()
  })

  it('is left by its client without a trace', async () => {
    const target = await createTarget(running.url)
    const leave = new AbortController()
    const stream = await target.follow('', leave.signal)
    await target.emit(1)
    await stream.take(1)
    expect((await state()).listeners).toBe(1)
    leave.abort()
    await quiet()
    expect((await state()).failures).toEqual([])
  })

  it('waits for a client that takes nothing, drops it, and gives it the rest when it comes back', async () => {
    const target = await createTarget(running.url)
    const before = (await state()).listed
    const socket = await dial(Number(new URL(running.url).port))
    socket.on('error', () => {})
    socket.write(
      `GET ${target.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.token}\r\n\r\n`,
    )
    await once(socket, 'readable')
    await target.emit(10_000, 3000)
    await quiet()
    expect((await state()).listed - before).toBeLessThan(9000)
    socket.destroy()
    const stream = await target.follow()
    await target.seal()
    expect(numbersOf(await stream.rest())).toEqual(upTo(10_001))
    await quiet()
  }, 60_000)
})

// Again when the machine is so busy that it beats two seconds late.
it('on Bun, which cuts silent connections after ten seconds, a stream is not silent', {
  timeout: 180_000,
  retry: 2,
}, async () => {
  const running = await bun()
  try {
    const target = await createTarget(running.url)
    const stream = await target.follow()
    while (stream.heartbeats < 2) expect(await stream.step()).toBe(true)
    await target.seal()
    expect(numbersOf(await stream.rest())).toEqual([1])
  } finally {
    await running.stop()
  }
})
