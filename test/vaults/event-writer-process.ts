/**
 * A process that emits into a vault: `node event-writer-process.ts <file> <vault> <count>`. It says 'ready', waits for
 * 'go', and answers with the ids of its events.
 */
import { sleep } from '../../src/lib/deadline.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { createWorld } from './world.ts'

const [file = '', id = '', count = ''] = process.argv.slice(2)
process.once('message', async () => {
  const store = sqlite(file, { clock: () => 0 })
  const vault = createWorld({ store }).vaults.open(id)
  const ids: string[] = []
  for (let n = 0; n < Number(count); n++) {
    ids.push((await vault.emit('n', { n, pid: process.pid })).eventId)
    // SQLite keeps no queue: who takes the lock again at once can starve the others.
    await sleep(1)
  }
  await store.close()
  process.send?.(ids, () => process.disconnect())
})
process.send?.('ready')
