import * as z from 'zod/mini'
import { refuse } from '../problems/refusal.ts'
import type { VaultCore } from '../vaults/vault-core.ts'
import { type ApiRoute, route } from './route.ts'
import { instant } from './schemas.ts'
import type { VaultGuards } from './vault-guard.ts'
import { NOT_THERE } from './vault-routes.ts'

/** Routes of the tokens that let others read a vault. */
export function accessTokenRoutes(
  { tokens }: Pick<VaultCore, 'tokens'>,
  { operators }: VaultGuards,
): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      path: '/vaults/:id/access-token',
      guard: operators,
      summary: 'Give out a token that lets its holder read a vault; the answer alone shows it',
      body: z.strictObject({
        ttlSeconds: z.optional(
          z.int().check(z.describe('How long it is good for, 1 to 86400. Default 3600.')),
        ),
      }),
      answer: {
        status: 201,
        schema: z.strictObject({
          token: z.string(),
          id: z.string().check(z.describe('Names it, to revoke it.')),
          expiresAt: instant,
        }),
      },
      problems: NOT_THERE,
      handle: ({ params, body }) => tokens.issue(params.id, body.ttlSeconds),
    }),
    route({
      method: 'DELETE',
      path: '/vaults/:id/access-token/:tokenId',
      guard: operators,
      summary: 'Take a token back',
      answer: { status: 204 },
      problems: ['access-token-not-found'],
      handle: async ({ params }) =>
        (await tokens.revoke(params.id, params.tokenId)) ? undefined : NOT_FOUND,
    }),
  ]
}

const NOT_FOUND = refuse('access-token-not-found', 'There is no such access token of this vault.')
