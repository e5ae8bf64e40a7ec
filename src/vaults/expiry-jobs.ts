import { dequeue, enqueue, type Job } from '../settlement/outbox.ts'
import type { Write } from '../stores/store.ts'

/** How long before its end a vault tells of it. */
export const WARNING_MS = 3_600_000

/** The promise to tell that a vault is about to end. */
function warningJob(vault: string): Pick<Job, 'id' | 'kind' | 'data'> {
  return { id: `vault-expiring:${vault}`, kind: 'vault-expiring', data: { vault } }
}

/** The promise to end a vault, and to purge it. */
export function expireJob(vault: string): Pick<Job, 'id' | 'kind' | 'data'> {
  return { id: `vault-expire:${vault}`, kind: 'vault-expire', data: { vault } }
}

/** The rows that end a vault at an instant, and tell of it an hour before; of one that ends sooner nothing is told. */
export function expiryJobs(vault: string, expiresAt: number, now: number): readonly Write[] {
  const end = enqueue(expireJob(vault), expiresAt)
  const warnAt = expiresAt - WARNING_MS
  return warnAt > now ? [end, enqueue(warningJob(vault), warnAt)] : [end]
}

/** Takes both promises back. A row that has been leased meanwhile stays; its handler finds out. */
export function withoutExpiryJobs(vault: string, expiresAt: number): readonly Write[] {
  return [dequeue(expireJob(vault).id, expiresAt), dequeue(warningJob(vault).id, expiresAt - WARNING_MS)]
}
