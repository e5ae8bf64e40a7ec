import { SILENT } from '../../src/hooks/notifier.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import { systemRandom } from '../../src/lib/id.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { createWorker, type Worker } from '../../src/settlement/worker.ts'
import { memory } from '../../src/stores/memory.ts'
import { prefixRange, type Store } from '../../src/stores/store.ts'
import { type WebhooksOptions, webhooks } from '../../src/webhooks/index.ts'
import type { Answer, Post } from '../../src/webhooks/post.ts'
import type { WebhookEndpoints, Webhooks } from '../../src/webhooks/webhooks.ts'

export const NOW = Date.UTC(2030, 0, 1)
export const SECOND = 1000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const LEASE_MS = 60 * SECOND
export const URL_A = 'https://a.example.com/hooks?key=1'

/** What a scripted endpoint answers: a status, a whole answer, or an error to throw. */
export type Scripted =
  | number
  | Partial<{ status: number; headers: Record<string, string>; body: string }>
  | Error

/** A sender that notes what is posted and answers by its script; with 200 when the script is over. */
export function scriptedSender() {
  const posts: Omit<Post, 'signal'>[] = []
  const script: Scripted[] = []
  return {
    posts,
    script,
    async send({ signal: _, ...post }: Post): Promise<Answer> {
      posts.push(post)
      const next = script.shift() ?? 200
      if (next instanceof Error) throw next
      const { status = 200, headers = {}, body = '' } = typeof next === 'number' ? { status: next } : next
      return new Response(body === '' ? null : body, { status, headers })
    },
  }
}

/** Webhooks as a configured seller has them: a store, a worker, a clock that stands still until it is moved. */
export interface Seller {
  readonly store: Store
  readonly bound: Webhooks
  readonly endpoints: WebhookEndpoints
  readonly worker: Worker
  now(): number
  advance(ms: number): void
  /** Commits an event as a transition would. */
  emit(type?: Parameters<Webhooks['event']>[0], data?: JsonObject): Promise<void>
  /** Runs what is due until nothing is. */
  work(): Promise<void>
  /** Everything that the store holds under a prefix. */
  rows(prefix: string): Promise<readonly JsonObject[]>
}

/** Makes a {@link Seller}. `random` is that of jitter alone: none, so that schedules are exact. */
export function createSeller(
  options: WebhooksOptions,
  store?: Store,
  secrets = ['a secret of thirty-two bytes or more'],
): Seller {
  let now = NOW
  const clock = () => now
  const used = store ?? memory({ clock })
  const random = (length: number) => (length === 1 ? new Uint8Array(1) : systemRandom(length))
  const bound = webhooks(options)({
    store: used,
    clock,
    random,
    secrets: secrets.map((secret) => utf8(secret)),
    notifier: SILENT,
  })
  const onError = (error: unknown): never => {
    throw error
  }
  const worker = createWorker({
    store: used,
    clock,
    random,
    handlers: bound.handlers,
    leaseMs: LEASE_MS,
    notifier: SILENT,
    onError,
  })
  return {
    store: used,
    bound,
    endpoints: bound.endpoints,
    worker,
    now: clock,
    advance(ms) {
      now += ms
    },
    async emit(type = 'payment.settled', data = { paymentId: 'pay_1' }) {
      await used.commit([bound.event(type, data)])
    },
    async work() {
      while ((await worker.tick()) > 0);
    },
    async rows(prefix) {
      return (await used.list(prefixRange(prefix), { limit: 1000 })).map(({ value }) => value)
    },
  }
}
