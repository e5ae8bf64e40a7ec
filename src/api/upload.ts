import { parseMediaType } from '../lib/media-type.ts'
import { openOnlyPart } from '../lib/multipart.ts'
import type { CofferError } from '../problems/error.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { refusedError } from '../problems/refused.ts'
import type { NewFile } from '../vaults/new-file.ts'
import { bodyOf } from './input.ts'

/** Name of the form's field that is the file. */
const FIELD = 'file'

/**
 * Opens the file that a request carries: its body as it is, or a form (`multipart/form-data`) of one part. Reads nothing
 * of the file itself.
 *
 * @param name - What to call the file, whatever the form says.
 */
export async function openUpload(request: Request, name: string | undefined): Promise<NewFile | Refusal> {
  const type = request.headers.get('content-type') ?? undefined
  const body = bodyOf(request)
  const mediaType = parseMediaType(type ?? '')
  if (mediaType?.essence !== 'multipart/form-data') {
    const size = sizeOf(request)
    return {
      body,
      ...(name !== undefined && { name }),
      ...(type && { type }),
      ...(size !== null && { size }),
    }
  }
  const part = await openOnlyPart(body, mediaType.parameters.get('boundary') ?? '', malformed)
  if (part.name !== FIELD) {
    await part.body.cancel()
    return refuse('bad-request', 'The form has another field than that of the file.', { expected: FIELD })
  }
  const fileName = name ?? part.fileName
  return {
    body: part.body,
    ...(fileName !== null && { name: fileName }),
    ...(part.type && { type: part.type }),
  }
}

/** What the request says that its body has, bytes. */
function sizeOf({ headers }: Request): number | null {
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : null
}

function malformed(why: string): CofferError {
  const refusal = refuse('bad-request', `The form cannot be read: ${why}.`, {
    expected: `multipart/form-data of one part, named ${FIELD}`,
  })
  return refusedError(refusal)
}
