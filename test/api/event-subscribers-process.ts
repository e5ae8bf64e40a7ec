/**
 * A process that follows a vault many times at once: `node event-subscribers-process.ts <url of the events> <token> <count>`.
 * It says 'ready' when all streams have begun, and answers with what each of them had when all have ended.
 */
import { createEventStreamParser } from '../../src/lib/sse.ts'

/** What a stream had: how many events, and the numbers of those that did not come right behind the one before. */
export interface Had {
  readonly events: number
  readonly outOfOrder: readonly number[]
}

const [url = '', token = '', count = ''] = process.argv.slice(2)
const headers = { authorization: `Bearer ${token}` }

async function follow(begun: () => void): Promise<Had> {
  const { status, body } = await fetch(url, { headers })
  if (status !== 200 || body === null) throw new Error(`answered ${status}`)
  const parser = createEventStreamParser()
  const outOfOrder: number[] = []
  let events = 0
  for await (const piece of body) {
    begun()
    for (const { id } of parser.push(piece) ?? []) {
      const number = Number(id.slice(-12))
      events++
      if (number !== events) outOfOrder.push(number)
    }
  }
  return { events, outOfOrder }
}

let waiting = Number(count)
const streams = Array.from({ length: waiting }, () => {
  let hasBegun = false
  return follow(() => {
    if (!hasBegun && --waiting === 0) process.send?.('ready')
    hasBegun = true
  })
})
const had = await Promise.all(streams)
process.send?.(had, () => process.disconnect())
