import * as z from 'zod/mini'
import { isRefusal } from '../problems/refusal.ts'
import type { VaultCore } from '../vaults/vault-core.ts'
import { type ApiRoute, route } from './route.ts'
import type { VaultGuards } from './vault-guard.ts'
import { NOT_THERE } from './vault-routes.ts'
import { manifest } from './vault-schemas.ts'

/** What {@link manifestRoutes} stand on. */
export interface ManifestParts {
  readonly core: VaultCore
  readonly guards: VaultGuards
  readonly basePath: string
  /** Origin that clients know the service by; `null` for that of the request. */
  readonly origin: string | null
}

/** Routes of what a vault holds as a whole, and of what proves it. */
export function manifestRoutes({ core, guards, basePath, origin }: ManifestParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/vaults/:id/manifest',
      guard: guards.readers,
      summary: 'All that a vault holds but the bytes of files',
      query: z.strictObject({
        proof: z.optional(
          z
            .enum(['', 'true'])
            .check(
              z.describe('Instead, what a sealed vault held, signed: a JWS in compact form (RFC 7515).'),
            ),
        ),
      }),
      answer: { status: 200, schema: manifest },
      otherAnswers: [{ status: 200, mediaType: 'application/jose' }],
      problems: [...NOT_THERE, 'vault-not-sealed'],
      async handle({ request, params, query }) {
        if (query.proof === undefined) {
          return core.readManifest(params.id, (origin ?? new URL(request.url).origin) + basePath)
        }
        const proof = await core.prove(params.id)
        return isRefusal(proof)
          ? proof
          : new Response(proof, { headers: { 'content-type': 'application/jose' } })
      },
    }),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      isAtRoot: true,
      guard: null,
      summary: 'Public keys that signed manifests are verified with (RFC 7517)',
      answer: {
        status: 200,
        schema: z.strictObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
      },
      handle: () => core.signingKeys.jwks(),
    }),
  ]
}
