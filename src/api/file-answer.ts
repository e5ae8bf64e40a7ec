import type { BlobRange } from '../blobs/blob-store.ts'
import { parseByteRange } from '../lib/byte-range.ts'
import { attachment } from '../lib/content-disposition.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { FileStub, OpenFile } from '../vaults/files.ts'

/** Fields of every answer that has a file, or would: what was uploaded is nobody's page, script or frame. */
const SAFE: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  // Whoever kept it has to ask again, and show that it still may.
  'cache-control': 'private, no-cache',
  'access-control-expose-headers': 'Content-Disposition, Content-Range, ETag',
}

/**
 * Answers with a file, a part of it, or nothing when the client has it (RFC 9110 sections 13 and 14). A file never
 * changes, so its SHA-256 is a strong validator.
 */
export async function answerFile(
  { method, headers }: Request,
  file: FileStub,
  open: (range: BlobRange | undefined) => Promise<OpenFile | Refusal>,
): Promise<Response | Refusal> {
  const { name, mimeType, size, sha256 } = file
  const etag = `"${sha256}"`
  const fields = { ...SAFE, etag }
  if (isListed(etag, headers.get('if-none-match')))
    return new Response(null, { status: 304, headers: fields })
  // A range is for GET alone, and only of the file that the client has the rest of.
  const isRanged = method === 'GET' && (headers.get('if-range') ?? etag) === etag
  const range = isRanged ? parseByteRange(headers.get('range') ?? '', size) : null
  if (range === 'unsatisfiable') {
    return refuse('range-not-satisfiable', 'The file has no such bytes.', {
      expected: `a range of its ${size} bytes`,
      headers: { 'content-range': `bytes */${size}` },
    })
  }
  const whole = {
    ...fields,
    'accept-ranges': 'bytes',
    'content-type': mimeType,
    'content-disposition': attachment(name),
    'content-length': String(size),
  }
  if (method === 'HEAD') return new Response(null, { headers: whole })
  const opened = await open(range ?? undefined)
  if (isRefusal(opened)) return opened
  if (range === null) return new Response(opened.body, { headers: whole })
  const { start, end } = range
  const part = { 'content-range': `bytes ${start}-${end}/${size}`, 'content-length': String(end - start + 1) }
  return new Response(opened.body, { status: 206, headers: { ...whole, ...part } })
}

/** Whether `If-None-Match` (RFC 9110 section 13.1.2) lists an entity tag, weak or strong, or any. */
function isListed(etag: string, field: string | null): boolean {
  const tags = field?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}
