import type { Clock } from '../lib/clock.ts'

/** The head of a block. */
export interface FakeBlock {
  readonly number: bigint
  /** Epoch seconds. */
  readonly timestamp: bigint
}

/** The blocks of a fake chain: one every two seconds of its clock, and one more for each transaction. */
export interface FakeBlocks {
  /** The newest block. */
  head(): FakeBlock
  /** A block by its number; `null` when there is none yet. */
  at(number: bigint): FakeBlock | null
  /** Makes a block now. */
  mine(): FakeBlock
}

const SECONDS = 2n
/** The chain is not new: whoever looks back finds blocks. */
const FIRST = 1_000_000n

/** Begins a chain of blocks. */
export function createFakeBlocks(clock: Clock): FakeBlocks {
  const seconds = (): bigint => BigInt(Math.floor(clock() / 1000))
  let last: FakeBlock = { number: FIRST, timestamp: seconds() }
  /** Blocks that were made for a transaction, and the empty ones before them: all others follow from these. */
  const known: FakeBlock[] = [last]

  function add(block: FakeBlock): FakeBlock {
    known.push(block)
    last = block
    return block
  }

  function head(): FakeBlock {
    const empty = (seconds() - last.timestamp) / SECONDS
    return empty > 0n
      ? add({ number: last.number + empty, timestamp: last.timestamp + empty * SECONDS })
      : last
  }

  return {
    head,
    at(number) {
      if (number > head().number) return null
      const next = known.find((block) => block.number >= number) ?? last
      return { number, timestamp: next.timestamp - (next.number - number) * SECONDS }
    },
    mine() {
      const { number, timestamp } = head()
      const now = seconds()
      if (now <= timestamp) return add({ number: number + 1n, timestamp })
      return add({ number: number + 1n, timestamp: now })
    },
  }
}
