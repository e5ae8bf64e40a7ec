import * as z from 'zod/mini'
import { type Manifest, type VaultReader, vaultReader } from '../client.ts'
import { type Answer, answerSchema, answerValue, describeAnswer, readAnswer } from './answer.ts'
import { CallError } from './call-error.ts'
import { tool } from './tool.ts'
import { hideSecrets, MAX_CHARACTERS, show } from './untrusted.ts'
import { vaultFetch, vaultFields } from './vault-fields.ts'

const TIMEOUT_MS = 30_000

/** `vault_read` */
export const vaultRead = tool({
  name: 'vault_read',
  title: 'Read a vault',
  description:
    'Reads the vault of a payment or a session: what it holds, or one of its documents or files. Long contents come in pieces: go on at next_offset. Pays nothing.',
  input: z.object({
    ...vaultFields,
    document_id: z
      .optional(z.string().check(z.maxLength(200)))
      .check(z.describe('A document to read, doc_…')),
    file_id: z.optional(z.string().check(z.maxLength(200))).check(z.describe('A file to read, fil_…')),
    offset: z
      ._default(z.int().check(z.gte(0)), 0)
      .check(z.describe('Where to begin: characters of a list or a document, bytes of a file. Default 0')),
    verify: z
      ._default(z.boolean(), false)
      .check(
        z.describe(
          'Check that a sealed vault and its documents are what the seller has signed; fails when not. Default false',
        ),
      ),
  }),
  output: z.object({
    verified: z.boolean().check(z.describe('Whether the signature was checked, and fits')),
    next_offset: z.optional(z.int()).check(z.describe('Where what follows begins; absent at the end')),
    answer: answerSchema,
  }),
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: true },

  async run({ vault_url, token, document_id, file_id, offset, verify }, call) {
    if (file_id !== undefined && (document_id !== undefined || verify))
      throw new CallError('A file_id stands alone: without document_id, and without verify.')
    const reader = vaultReader(vault_url, { token, fetch: once(vaultFetch(vault_url, call, TIMEOUT_MS)) })
    // Throws when it holds something else.
    if (verify) await reader.verify()
    const { answer, next_offset } =
      file_id !== undefined
        ? await readFile(reader, file_id, offset)
        : pieceOf(
            document_id === undefined
              ? listOf(await reader.manifest())
              : await dataOf(reader, document_id, verify),
            offset,
          )
    const said = [
      `Read ${file_id !== undefined ? 'the file' : document_id !== undefined ? 'the document' : 'what the vault holds'}. Nothing was paid.`,
      ...(verify ? ['What the vault holds is what its seller has signed.'] : []),
      ...(next_offset === null ? [] : [`There is more: go on with offset ${next_offset}.`]),
    ].join('\n')
    return {
      said,
      quoted: describeAnswer(answer),
      data: {
        verified: verify,
        ...(next_offset !== null && { next_offset }),
        answer: answerValue(answer),
      },
    }
  },
})

/**
 * The data of a document. When the vault was verified, from the very manifest that was: what the server says when it is asked
 * once more is not signed.
 */
async function dataOf(reader: VaultReader, id: string, isVerified: boolean): Promise<unknown> {
  if (!isVerified) return (await reader.document(id)).data
  const document = (await reader.manifest()).documents.find((each) => each.id === id)
  if (document === undefined) throw new CallError('There is no such document in the vault.')
  return document.data
}

/** Asks for the same thing once, so that what was checked is what is read. */
function once(send: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  const answers = new Map<string, Promise<Response>>()
  return async (request) => {
    const answer = answers.get(request.url) ?? send(request)
    answers.set(request.url, answer)
    return (await answer).clone()
  }
}

interface Piece {
  readonly answer: Answer
  readonly next_offset: number | null
}

/** A piece of some JSON: as much as can be shown without a cut, also where it is longer when it is made visible. */
function pieceOf(value: unknown, offset: number): Piece {
  const text = hideSecrets(JSON.stringify(value, null, 2))
  let end = Math.min(offset + MAX_CHARACTERS, text.length)
  while (show(text.slice(offset, end)).isCut) end = offset + Math.floor((end - offset) / 2)
  const body = { ...show(text.slice(offset, end)), isCut: end < text.length }
  return { answer: { status: 200, body, note: null }, next_offset: end < text.length ? end : null }
}

/** As many bytes of a file as are shown, whatever they are. */
async function readFile(reader: VaultReader, id: string, offset: number): Promise<Piece> {
  const response = await reader.file(id, `bytes=${offset}-${offset + MAX_CHARACTERS - 1}`)
  const [, end = '', size = ''] =
    /^bytes \d+-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
  const isMore = Number(end) + 1 < Number(size)
  return { answer: await readAnswer(response), next_offset: isMore ? Number(end) + 1 : null }
}

/** What a vault holds, without the documents themselves. */
function listOf({ documents, files, ...vault }: Manifest) {
  return {
    ...vault,
    documents: documents.map(({ data: _, ...document }) => document),
    files: files.map(({ url: _, ...file }) => file),
  }
}
