import { utf8 } from './bytes.ts'
import { parseFormDisposition } from './content-disposition.ts'

/** The one part of a form. */
export interface FormPart {
  /** Name of the form's field. */
  readonly name: string
  /** What its sender calls the file; any text. `null` when the field is no file. */
  readonly fileName: string | null
  /** Its `Content-Type` as it was sent; `null` when it was not. */
  readonly type: string | null
  /** Fails when what follows is not the end of the form: take nothing for whole before it has ended. */
  readonly body: ReadableStream<Uint8Array>
}

/** `boundary` of RFC 2046 section 5.1.1. */
const BOUNDARY = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/
const MAX_HEAD = 16 * 1024
const HEAD_END = utf8('\r\n\r\n')
/** What follows the last boundary; the line break may be missing. */
const LAST = '--\r\n'
const CR = 13

/**
 * Opens a `multipart/form-data` body (RFC 7578) that has exactly one part, reading hardly further than its header fields.
 * Holds no more of it than one chunk and the length of a boundary.
 *
 * Strict: no preamble, no padding behind boundaries, nothing behind the end but a line break, no transfer encodings.
 *
 * @param wrong - Makes the error for a body that is not so. Its text repeats nothing of the body.
 * @throws That error, and what the stream throws; so does the body of the part.
 */
export async function openOnlyPart(
  form: ReadableStream<Uint8Array>,
  boundary: string,
  wrong: (why: string) => Error,
): Promise<FormPart> {
  const reader = form.getReader()
  const opening = utf8(`--${boundary}\r\n`)
  const delimiter = utf8(`\r\n--${boundary}`)
  /** What was read and not yet taken. */
  let rest = new Uint8Array()

  async function fail(why: string): Promise<never> {
    const error = wrong(why)
    await reader.cancel(error).catch(() => {})
    throw error
  }

  /** Reads until so many bytes are there, or the form ends. */
  async function fill(length: number): Promise<void> {
    while (rest.length < length) {
      const { done, value } = await reader.read()
      if (done) return
      rest = joined(rest, value)
    }
  }

  async function readHead(): Promise<string> {
    await fill(opening.length)
    if (!isAt(rest, 0, opening)) return fail('it does not begin with its boundary')
    rest = rest.subarray(opening.length)
    for (let length = 1; ; length = rest.length + 1) {
      await fill(length)
      const end = indexOf(rest, HEAD_END)
      if (end > MAX_HEAD || (end === -1 && rest.length > MAX_HEAD)) {
        return fail(`the header fields of its part are longer than ${MAX_HEAD} bytes`)
      }
      if (end !== -1) {
        const head = rest.subarray(0, end)
        // The line break before the body stays: it may be that of a boundary.
        rest = rest.subarray(end + 2)
        await fill(delimiter.length)
        if (isAt(rest, 0, delimiter)) return fail('its part has no body')
        rest = rest.subarray(2)
        return new TextDecoder().decode(head)
      }
      if (rest.length < length) return fail('it ends within the header fields of its part')
    }
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const found = indexOf(rest, delimiter)
      if (found === 0) break
      // What may be the beginning of the delimiter stays until more is known.
      const length = found === -1 ? rest.length - delimiter.length + 1 : found
      if (length > 0) {
        controller.enqueue(rest.subarray(0, length))
        // A copy: the other part of the buffer is the reader's now.
        rest = rest.slice(length)
        return
      }
      const before = rest.length
      await fill(before + 1)
      if (rest.length === before) return fail('it ends before its last boundary')
    }
    const end = delimiter.length + LAST.length
    await fill(end + 1)
    const tail = String.fromCharCode(...rest.subarray(delimiter.length, end + 1))
    if (tail.startsWith('\r\n')) return fail('it has more than one part')
    if (tail !== LAST && tail !== '--') return fail('its last boundary is not its end')
    controller.close()
  }

  if (!BOUNDARY.test(boundary)) return fail('its boundary is none')
  const fields = readFields(await readHead())
  if (typeof fields === 'string') return fail(fields)
  const body = new ReadableStream<Uint8Array>(
    { pull, cancel: (reason) => reader.cancel(reason) },
    { highWaterMark: 0 },
  )
  return { ...fields, body }
}

/** Reads the header fields of a part; a text says what is wrong with them. */
function readFields(head: string): Pick<FormPart, 'name' | 'fileName' | 'type'> | string {
  const fields = new Map<string, string>()
  for (const line of head.split('\r\n')) {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~\w-]+):(.*)$/s.exec(line) ?? []
    if (name === '' || /[\r\n\0]/.test(value)) return 'a header field of its part is malformed'
    if (fields.has(name.toLowerCase())) return 'its part has a header field twice'
    fields.set(name.toLowerCase(), value.trim())
  }
  const disposition = parseFormDisposition(fields.get('content-disposition') ?? '')
  if (disposition === null) return 'the Content-Disposition of its part is not that of a form field'
  if (!/^(?:binary|8bit|7bit)$/i.test(fields.get('content-transfer-encoding') ?? 'binary')) {
    return 'its part has a transfer encoding'
  }
  return { ...disposition, type: fields.get('content-type') ?? null }
}

/** Where bytes that begin with a line break stand in others; -1 when they do not. */
function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  let at = bytes.indexOf(CR)
  while (at !== -1 && !isAt(bytes, at, wanted)) at = bytes.indexOf(CR, at + 1)
  return at
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return wanted.every((byte, offset) => bytes[at + offset] === byte)
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
