import * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'
import { isRefusal } from '../problems/refusal.ts'
import type { VaultCore } from '../vaults/vault-core.ts'
import { answerFile } from './file-answer.ts'
import { type ApiRoute, route } from './route.ts'
import { openUpload } from './upload.ts'
import type { VaultGuards } from './vault-guard.ts'
import { NOT_THERE } from './vault-routes.ts'
import { fileStub } from './vault-schemas.ts'

/** Routes of the files of vaults, which are streamed both ways. */
export function fileRoutes(
  { files }: Pick<VaultCore, 'files'>,
  { operators, readers }: VaultGuards,
): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      path: '/vaults/:id/files',
      guard: operators,
      summary: 'Add a file: the body as it is, or a form whose only field is the file',
      query: z.strictObject({
        name: z.optional(
          z.string().check(z.describe('What to call it. Default: what a form says, else `file`.')),
        ),
      }),
      uploads: UPLOADS,
      answer: { status: 201, schema: fileStub },
      problems: [
        ...NOT_THERE,
        'vault-sealed',
        'file-too-large',
        'files-per-vault-exceeded',
        'storage-quota-exceeded',
        'upload-timeout',
      ],
      async handle({ request, params, query }) {
        const file = await openUpload(request, query.name)
        return isRefusal(file) ? file : files.add(params.id, file)
      },
    }),
    route({
      method: 'GET',
      path: '/vaults/:id/files/:fileId',
      guard: readers,
      summary: 'Download a file, or a part of it',
      headers: {
        Range: 'The part that is wanted, such as bytes=0-499. Several parts are answered with the whole.',
        'If-Range':
          'The entity tag of the file that the part is to go with; of another, the whole is answered.',
        'If-None-Match': 'Entity tags of what the client has; answered 304 when the file is among it.',
      },
      answer: { status: 200, mediaType: '*/*' },
      otherAnswers: [{ status: 206, mediaType: '*/*' }, { status: 304 }],
      problems: [...NOT_THERE, 'file-not-found', 'range-not-satisfiable'],
      async handle({ request, params: { id, fileId } }) {
        const file = await files.get(id, fileId)
        return isRefusal(file) ? file : answerFile(request, file, (range) => files.open(id, fileId, range))
      },
    }),
    route({
      method: 'DELETE',
      path: '/vaults/:id/files/:fileId',
      guard: operators,
      summary: 'Delete a file, also of a sealed vault',
      answer: { status: 204 },
      problems: [...NOT_THERE, 'file-not-found'],
      handle: async ({ params }) => (await files.delete(params.id, params.fileId)) ?? undefined,
    }),
  ]
}

const UPLOADS: JsonObject = {
  '*/*': {},
  'multipart/form-data': {
    schema: {
      type: 'object',
      properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
      required: ['file'],
      additionalProperties: false,
    },
  },
}
