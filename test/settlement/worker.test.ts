import { expect, it } from 'vitest'
import { SILENT } from '../../src/hooks/notifier.ts'
import { systemRandom } from '../../src/lib/id.ts'
import { confirmJob, enqueue } from '../../src/settlement/outbox.ts'
import { type Attempt, createWorker } from '../../src/settlement/worker.ts'
import { memory } from '../../src/stores/memory.ts'
import { prefixRange } from '../../src/stores/store.ts'

/** Works on one job, hour by hour, until nothing is left to do. Returns how often it was tried, and the row that is left. */
async function workOff(attempt: () => Promise<Attempt>) {
  let [now, tries] = [Date.UTC(2030, 0, 1), 0]
  const clock = (): number => now
  const store = memory({ clock })
  const handler = (): Promise<Attempt> => {
    tries++
    return attempt()
  }
  const worker = createWorker({
    store,
    clock,
    random: systemRandom,
    handlers: { confirm: handler },
    leaseMs: 120_000,
    notifier: SILENT,
    onError: (error) => expect.unreachable(String(error)),
  })
  await store.commit([enqueue(confirmJob('pay_1'), now)])
  for (let hours = 0; hours < 1000; hours++, now += 3_600_000) await worker.tick()
  const [row] = await store.list(prefixRange('dead/'))
  return { tries, row: row?.value }
}

it('gives up a job whose outcome no store can hold, after as many tries as any other', async () => {
  const attempt = async () => ({ ended: 'done', writes: [{ key: 'a', value: { text: '\0' } }] }) as const
  const { tries, row } = await workOff(attempt)
  expect(tries).toBe(30)
  expect(row).toMatchObject({ attempts: 30, lastError: expect.stringContaining('value: expected') })
})

it('notes whatever a job fails with', async () => {
  const { tries, row } = await workOff(async () => {
    throw new Error(`a\0b\ud800${'c'.repeat(5000)}`)
  })
  expect(tries).toBe(30)
  expect(row).toMatchObject({ attempts: 30, lastError: `a\ufffdb\ufffd${'c'.repeat(996)}` })
})
