import { bytesStream } from '../blobs/blob-stream.ts'
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
/** A media type without or with parameters (RFC 9110 section 8.3.1). */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"'
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED}))*$`)

/** Whether a text is a media type, and short enough for one. */
function isMediaType(text: string): boolean {
  return text.length <= MAX_TYPE && MEDIA_TYPE.test(text)
}

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
  if (typeof type !== 'string' || !isMediaType(type)) invalidOption('file.type', 'a media type', type)
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    invalidOption('file.size', 'a whole number of bytes', size)
  }
  return { name: cleanName(name), mimeType: lowerType(type), ...readBody(body, size) }
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
function lowerType(type: string): string {
  const [essence = '', ...parameters] = type.split(';')
  return [essence.trim().toLowerCase(), ...parameters].join(';')
}
