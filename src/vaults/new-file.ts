import { bytesStream } from '../blobs/blob-stream.ts'
import { parseMediaType } from '../lib/media-type.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** What a file is made of. */
export interface NewFile {
  /** What to call it; any text. Default: the name of a `File`, else `file`. */
  readonly name?: string
  /** Media type, such as `image/png`. Default: that of a `Blob`, else `application/octet-stream`. */
  readonly type?: string
  /** Its bytes: a stream, an array, a `Blob` or a `File`. */
  readonly body: ReadableStream<Uint8Array> | Uint8Array | Blob
  /**
   * How many bytes a stream has, when it is known: room for them is then held before the first is read. A stream that
   * turns out longer goes on as one of unknown size.
   */
  readonly size?: number
}

/** {@link NewFile}, checked and complete. */
export interface ReadFile {
  readonly name: string
  readonly mimeType: string
  readonly body: ReadableStream<Uint8Array>
  readonly size: number | null
}

const MAX_NAME = 255
const MAX_TYPE = 255

/**
 * Checks a file and fills in what is left out.
 *
 * @throws CofferError `invalid-option` naming what is wrong.
 */
export function readNewFile(file: NewFile): ReadFile {
  refuseUnknownOptions(file, ['name', 'type', 'body', 'size'], 'file')
  const { body, size } = file
  const blob = body instanceof Blob ? body : null
  const name = file.name ?? (blob instanceof File ? blob.name : 'file')
  const type = file.type ?? (blob?.type || 'application/octet-stream')
  if (typeof name !== 'string') invalidOption('file.name', 'text', name)
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    invalidOption('file.size', 'a whole number of bytes', size)
  }
  return { name: cleanName(name), mimeType: readType(type), ...readBody(body, size) }
}

function readBody(body: NewFile['body'], size: number | undefined): Pick<ReadFile, 'body' | 'size'> {
  if (body instanceof Blob) return { body: body.stream(), size: body.size }
  if (body instanceof Uint8Array) return { body: bytesStream(body), size: body.length }
  if (body instanceof ReadableStream && !body.locked) return { body, size: size ?? null }
  return invalidOption(
    'file.body',
    'a ReadableStream that nobody reads yet, a Uint8Array, a Blob or a File',
    body,
  )
}

/** Names are shown and sent in header fields, and never reach a file system: only what does harm there has to go. */
function cleanName(name: string): string {
  const clean = name.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd')
  // Cut in half, the last character would be no text any more.
  return clean.slice(0, MAX_NAME).toWellFormed() || 'file'
}

/** Type and subtype are the same in any case; parameters need not be. */
function readType(type: string): string {
  const isShort = typeof type === 'string' && type.length <= MAX_TYPE
  const { essence } = (isShort && parseMediaType(type)) || invalidOption('file.type', 'a media type', type)
  return essence + type.slice(essence.length)
}
