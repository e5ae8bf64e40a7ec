import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { prefixRange, type Store } from '../../src/stores/store.ts'
import { CALLERS, KEYS, PARTS, STEPS } from './store-tasks.ts'

/** Starting processes takes its time on a machine that is busy. */
const PATIENCE_MS = 120_000

/** A store that several processes can open. */
export interface SharedStore {
  /** The engine's name in `store-worker.ts`. */
  readonly engine: string
  /** The address of a new store. */
  newAddress(): string | Promise<string>
  open(address: string): Store | Promise<Store>
  /** What runs `store-worker.ts`, once the tests are under way. Default: this Node. */
  runtime?(): Pick<ForkOptions, 'execPath' | 'execArgv'>
}

/** What must hold when several processes work on one store. For within a `describe`. */
export function proveProcesses({ engine, newAddress, open, runtime }: SharedStore): void {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  async function start(address: string, task: string): Promise<ChildProcess> {
    const worker = join(import.meta.dirname, 'store-worker.ts')
    const child = fork(worker, [engine, address, task], runtime?.() ?? { execArgv: [] })
    children.push(child)
    await Promise.race([once(child, 'message'), crash(child)])
    return child
  }

  /** Runs a task in several processes that begin together; nobody may have opened the store before. */
  async function runAtOnce(count: number, address: string, task: string): Promise<unknown[]> {
    const workers = await Promise.all(Array.from({ length: count }, () => start(address, task)))
    return Promise.all(
      workers.map(async (worker) => {
        const answer = once(worker, 'message')
        const crashed = crash(worker)
        worker.send('go')
        const [message] = await Promise.race([answer, crashed])
        const ended = once(worker, 'exit')
        worker.disconnect()
        await ended
        return message.result
      }),
    )
  }

  it('eight that open a new store at once all get it', { timeout: PATIENCE_MS }, async () => {
    for (let round = 0; round < 3; round++) {
      expect(await runAtOnce(8, await newAddress(), 'open')).toEqual(Array(8).fill('opened'))
    }
  })

  for (const count of [2, 4]) {
    it(`${count} that claim the same ${KEYS} keys: each key has one winner`, {
      timeout: PATIENCE_MS,
    }, async () => {
      const address = await newAddress()
      const won = (await runAtOnce(count, address, 'claim')) as string[][]
      expect(won.flat()).toHaveLength(KEYS)
      expect(new Set(won.flat())).toHaveLength(KEYS)
      const store = await open(address)
      expect(await store.list(prefixRange('claim/'), { limit: 1000 })).toHaveLength(KEYS)
      await store.close()
    })

    it(`${count} with ${CALLERS} callers each on one key: one of all wins`, {
      timeout: PATIENCE_MS,
    }, async () => {
      const address = await newAddress()
      const won = (await runAtOnce(count, address, 'rush')) as string[][]
      expect(won.flat()).toHaveLength(1)
      const store = await open(address)
      expect((await store.get('rush'))?.value).toEqual({ caller: won.flat()[0] })
      await store.close()
    })

    it(`${count} that count on one key: no step is lost`, { timeout: PATIENCE_MS }, async () => {
      const address = await newAddress()
      await runAtOnce(count, address, 'count')
      const store = await open(address)
      expect((await store.get('count'))?.value).toEqual({ n: count * STEPS })
      await store.close()
    })
  }

  it('one that is killed between its claim and the end leaves the claim, which one other takes over', {
    timeout: PATIENCE_MS,
  }, async () => {
    const address = await newAddress()
    const dying = await start(address, 'hold')
    dying.send('go')
    await Promise.race([once(dying, 'message'), crash(dying)])
    dying.kill('SIGKILL')
    await once(dying, 'exit')
    const tookOver = await runAtOnce(4, address, 'takeOver')
    expect(tookOver.filter(Boolean)).toHaveLength(1)
    const store = await open(address)
    expect((await store.get('payment'))?.value).toMatchObject({ by: dying.pid })
    expect((await store.get('proof'))?.value).toEqual({ by: dying.pid })
    expect(await store.get('due')).toBeNull()
    await store.close()
  })

  it('one that is killed while it commits leaves whole commits, and every one that it was told of', {
    timeout: PATIENCE_MS,
  }, async () => {
    const address = await newAddress()
    let told = -1
    for (let round = 0; round < 6; round++) {
      const child = await start(address, 'write')
      const enough = told + 1 + Math.floor(Math.random() * 40)
      child.on('message', (n: number) => {
        told = n
        if (n >= enough) child.kill('SIGKILL')
      })
      child.send('go')
      await once(child, 'exit')

      const store = await open(address)
      const last = Number((await store.get('last'))?.value['n'])
      expect(last).toBeGreaterThanOrEqual(told)
      for (let n = 0; n <= last; n++) {
        expect(await store.list(prefixRange(`group/${n}/`))).toHaveLength(PARTS)
      }
      // A server may have been at work on one more.
      const next = await store.list(prefixRange(`group/${last + 1}/`))
      expect([0, PARTS]).toContain(next.length)
      await store.close()
    }
  })
}

async function crash(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit')
  throw new Error(`the process ended with ${code ?? signal}`)
}
