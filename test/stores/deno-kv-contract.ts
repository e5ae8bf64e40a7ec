/**
 * Runs what Deno KV has to prove: `deno run -A --unstable-kv deno-kv-contract.ts <folder>`, in memory without a folder,
 * in files of it with one. Prints what came of it as JSON.
 */
import { denoKv } from '../../src/stores/deno-kv.ts'
import { denoKvBus } from '../../src/stores/deno-kv-bus.ts'
import { busContract } from '../../src/testing/bus-contract.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { type Declare, runContract } from '../runtimes/contract-runner.ts'
import { deno } from '../runtimes/deno.ts'
import { denoKvCases } from './deno-kv-cases.ts'

let files = 0

/** Everything, in the order in which it is run. */
export const declare: Declare = (runner) => {
  storeContract(runner, async (clock) => {
    const kv = await open()
    const store = denoKv(kv, { clock })
    return { ...store, close: () => store.close().finally(() => closeOnce(kv)) }
  })
  busContract(runner, async () => {
    const kv = await open()
    const [one, other] = [denoKvBus(kv), denoKvBus(kv)]
    return [one, { ...other, close: () => other.close().finally(() => closeOnce(kv)) }]
  })
  denoKvCases(runner, open)
}

function open() {
  const [folder] = deno.args
  return deno.openKv(folder === undefined ? ':memory:' : `${folder}/${++files}.kv`)
}

const closed = new WeakSet()

/** Closing a store or a bus twice is no error; closing a database twice is one. */
function closeOnce(kv: Awaited<ReturnType<typeof open>>): void {
  if (!closed.has(kv)) kv.close()
  closed.add(kv)
}

if (deno !== undefined) {
  console.log(JSON.stringify(await runContract(declare)))
  deno.exit()
}
