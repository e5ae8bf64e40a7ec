import * as z from 'zod/mini'
import type { VaultCore } from '../vaults/vault-core.ts'
import { type ApiRoute, route } from './route.ts'
import type { VaultGuards } from './vault-guard.ts'
import { NOT_THERE } from './vault-routes.ts'
import { document, documentStub } from './vault-schemas.ts'

/** It is held in memory as a whole. What is larger is better sent as a file, which streams. */
const MAX_DOCUMENT = 16 * 2 ** 20

/** Routes of the documents of vaults. */
export function documentRoutes(
  { documents }: Pick<VaultCore, 'documents'>,
  { operators, readers }: VaultGuards,
): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      path: '/vaults/:id/documents',
      guard: operators,
      summary: 'Add a document',
      body: z.strictObject({
        data: z.unknown().check(z.describe('Whatever JSON can carry, nested at most 31 levels deep.')),
        label: z.optional(z.string().check(z.maxLength(500), z.describe('Shown to people.'))),
      }),
      maxBody: MAX_DOCUMENT,
      answer: { status: 201, schema: documentStub },
      problems: [...NOT_THERE, 'vault-sealed', 'documents-per-vault-exceeded', 'storage-quota-exceeded'],
      handle: ({ params, body }) => documents.add(params.id, body.data, body.label),
    }),
    route({
      method: 'GET',
      path: '/vaults/:id/documents/:docId',
      guard: readers,
      summary: 'Read a document',
      answer: { status: 200, schema: document },
      problems: [...NOT_THERE, 'document-not-found'],
      handle: ({ params }) => documents.get(params.id, params.docId),
    }),
  ]
}
