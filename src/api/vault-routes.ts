import * as z from 'zod/mini'
import type { Reason } from '../problems/catalog.ts'
import { isRefusal } from '../problems/refusal.ts'
import { stubOf } from '../vaults/files.ts'
import type { Vaults, VaultUsage } from '../vaults/vaults.ts'
import { type ApiRoute, route } from './route.ts'
import { countUpTo, cursor, nextCursor } from './schemas.ts'
import type { VaultGuards } from './vault-guard.ts'
import { newVault, quota, vault, vaultInfo } from './vault-schemas.ts'

/** Why there is no vault to read. */
export const NOT_THERE = ['vault-not-found', 'vault-expired'] as const satisfies readonly Reason[]

/** Routes of vaults as a whole. */
export function vaultRoutes(vaults: Vaults, { operators, readers }: VaultGuards): readonly ApiRoute[] {
  const { book, lifecycle, documents, files } = vaults.core
  return [
    route({
      method: 'GET',
      path: '/vaults',
      guard: operators,
      summary:
        'List vaults that have not ended; a page may hold fewer than asked for and still have a next one',
      query: z.strictObject({
        limit: z.optional(countUpTo(500, 'At most this many, up to 500. Default 100.')),
        cursor: z.optional(cursor),
      }),
      answer: { status: 200, schema: z.strictObject({ vaults: z.array(vaultInfo), cursor: nextCursor }) },
      handle: ({ query }) => vaults.list(query),
    }),
    route({
      method: 'POST',
      path: '/vaults',
      guard: operators,
      summary: 'Make a vault',
      body: newVault,
      answer: { status: 201, schema: vaultInfo },
      problems: ['vault-exists', 'payment-in-flight', 'vault-quota-exceeded', 'ttl-exceeds-plan'],
      handle: ({ body }) => vaults.add(body),
    }),
    route({
      method: 'GET',
      path: '/vaults/quota',
      guard: operators,
      summary: 'How much is kept, and how much may be',
      answer: { status: 200, schema: quota },
      handle: async () => shownQuota(await vaults.usage()),
    }),
    route({
      method: 'GET',
      path: '/vaults/:id',
      guard: readers,
      summary: 'Look up a vault, and what is in it',
      answer: { status: 200, schema: vault },
      problems: NOT_THERE,
      handle: ({ params: { id } }) =>
        book.readWhole<object>(id, async () => {
          const info = await vaults.find(id)
          if (isRefusal(info)) return info
          const kept = (await all(files.list(id))).filter(({ deletedAt }) => deletedAt === null)
          return { ...info, documents: await all(documents.list(id)), files: kept.map(stubOf) }
        }),
    }),
    route({
      method: 'DELETE',
      path: '/vaults/:id',
      guard: operators,
      summary: 'Delete a vault at once, with all that it holds',
      answer: { status: 204 },
      problems: NOT_THERE,
      handle: async ({ params }) => (await lifecycle.delete(params.id)) ?? undefined,
    }),
    route({
      method: 'POST',
      path: '/vaults/:id/seal',
      guard: operators,
      summary: 'Close a vault: nothing can be added any more',
      body: z.strictObject({
        summary: z.optional(z.string().check(z.maxLength(4000), z.describe('Shown to people.'))),
      }),
      answer: { status: 200, schema: vaultInfo },
      problems: [...NOT_THERE, 'vault-sealed'],
      handle: ({ params, body }) => lifecycle.seal(params.id, body.summary),
    }),
    route({
      method: 'POST',
      path: '/vaults/:id/persist',
      guard: operators,
      summary: 'Keep a vault for good',
      answer: { status: 200, schema: vaultInfo },
      problems: [...NOT_THERE, 'vault-already-persisted', 'persisted-vault-quota-exceeded'],
      handle: ({ params }) => lifecycle.persist(params.id),
    }),
    route({
      method: 'POST',
      path: '/vaults/:id/extend',
      guard: operators,
      summary: 'Let a vault end so many hours from now',
      body: z.strictObject({ ttlHours: z.number().check(z.describe('From now on.')) }),
      answer: { status: 200, schema: vaultInfo },
      problems: [...NOT_THERE, 'vault-already-persisted', 'ttl-exceeds-plan'],
      handle: ({ params, body }) => lifecycle.extend(params.id, body.ttlHours),
    }),
  ]
}

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const read: Item[] = []
  for await (const item of items) read.push(item)
  return read
}

/** JSON has no word for what has no limit. */
function shownQuota({ limits, ...usage }: VaultUsage): object {
  const shown = Object.entries(limits).map(([name, limit]) => [name, limit ?? -1])
  return { usage, limits: Object.fromEntries(shown) }
}
