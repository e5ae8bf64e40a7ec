/** A store in Deno KV for a test that runs on Node: a process of Deno has it, and answers what it is asked. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { denoKv } from '../../src/stores/deno-kv.ts'
import type { Store } from '../../src/stores/store.ts'
import { type DenoCommand, deno } from '../runtimes/deno.ts'

type Method = 'get' | 'list' | 'commit'

/** Opens a database file in a process of its own, which ends when the store is closed. */
export async function openRemote(command: DenoCommand, file: string): Promise<Store> {
  const child = fork(import.meta.filename, [file], command)
  await once(child, 'message')

  /** One call at a time. */
  async function call(method: Method, parameters: readonly unknown[]) {
    const answer = once(child, 'message')
    child.send({ method, parameters })
    const [{ result }] = await answer
    return result
  }

  return {
    get: (...parameters) => call('get', parameters),
    list: (...parameters) => call('list', parameters),
    commit: (...parameters) => call('commit', parameters),
    async close() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

if (deno !== undefined) {
  const store = denoKv(await deno.openKv(deno.args[0] ?? ''))
  process.on('message', async ({ method, parameters }: { method: Method; parameters: [never, never] }) => {
    process.send?.({ result: await store[method](...parameters) })
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}
