import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { SILENT } from '../../src/hooks/notifier.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import { systemRandom } from '../../src/lib/id.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { createWorker, type Worker } from '../../src/settlement/worker.ts'
import type { Bus } from '../../src/stores/bus.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Entry, Store } from '../../src/stores/store.ts'
import { type Limits, readLimits } from '../../src/vaults/limits.ts'
import type { DescribePayment } from '../../src/vaults/proof.ts'
import { createVaults, type Vaults } from '../../src/vaults/vaults.ts'

export const NOW = Date.UTC(2030, 0, 1)
export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const SECRET = 'a secret of thirty-two bytes or more'

/** What a world may be given; the rest is in memory and without limits. */
export interface WorldOptions {
  readonly store?: Store
  readonly blobs?: BlobStore
  readonly bus?: Bus | null
  readonly limits?: Partial<Limits>
  readonly secrets?: readonly string[]
  readonly describePayment?: DescribePayment
  readonly tombstoneMs?: number
  /** Another process of the same service, with the same clock. */
  readonly beside?: World
}

/** Vaults as a configured seller has them, with a worker and a clock that stands still until it is moved. */
export interface World {
  readonly store: Store
  readonly blobs: BlobStore
  readonly vaults: Vaults
  readonly worker: Worker
  readonly time: { now: number }
  /** What was announced, in order of the attempts; those of commits that failed are among it. */
  readonly announced: [string, JsonObject][]
  /** Runs what is due until nothing is. */
  work(): Promise<void>
  /** Everything that the store holds under a prefix. */
  rows(prefix: string): Promise<readonly Entry[]>
}

/** Makes a {@link World}. */
export function createWorld(options: WorldOptions = {}): World {
  const time = options.beside?.time ?? { now: NOW }
  const clock = (): number => time.now
  const store = options.store ?? options.beside?.store ?? memory({ clock })
  const blobs = options.blobs ?? options.beside?.blobs ?? memoryBlobs()
  const announced: World['announced'] = []
  const vaults = createVaults({
    store,
    blobs,
    bus: options.bus ?? null,
    clock,
    random: systemRandom,
    secrets: (options.secrets ?? [SECRET]).map(utf8),
    limits: readLimits(options.limits),
    announce: (type, facts) => {
      announced.push([type, facts])
      return [{ key: `announced/${announced.length}/${crypto.randomUUID()}`, value: { type, ...facts } }]
    },
    describePayment: options.describePayment ?? (async () => null),
    notifier: SILENT,
    tombstoneMs: options.tombstoneMs ?? 30 * DAY,
  })
  const worker = createWorker({
    store,
    clock,
    random: systemRandom,
    handlers: vaults.handlers,
    leaseMs: 120_000,
    notifier: SILENT,
    onError(error) {
      throw error
    },
  })
  return {
    store,
    blobs,
    vaults,
    worker,
    time,
    announced,
    async work() {
      while ((await worker.tick()) > 0);
    },
    rows: (prefix) => store.list({ start: prefix, end: `${prefix}\u{10ffff}` }, { limit: 1000 }),
  }
}

/** What `await expect(…).rejects` is to match. */
export function refusedWith(reason: string): object {
  return { code: 'refused', refusal: { reason } }
}

/** Bytes that repeat only after a long while. */
export function bytesOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) + seed) & 0xff)
}

/** A stream whose size nobody knows before it ends. */
export function streamOf(bytes: Uint8Array, chunk = 1000): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close()
        controller.enqueue(bytes.slice(at, at + chunk))
        at += chunk
      },
    },
    { highWaterMark: 0 },
  )
}

/** All of a stream. */
export async function read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
