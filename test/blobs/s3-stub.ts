/**
 * A server that speaks as much of S3 as a blob store needs, and is as strict as S3 is: it checks every signature with the
 * code of the AWS SDK, keeps the rules of conditional writes and of uploads in parts, and can be told to fail.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Options } from '../../src/blobs/s3-options.ts'
import { authenticate, S3Error } from './s3-signature.ts'

/** How a request goes wrong. */
export type Fault =
  /** The server refuses it, and does nothing. */
  | { readonly status: number; readonly code?: string; readonly message?: string }
  /** The server does it, and the connection breaks before the answer. */
  | 'lost'
  /** The connection breaks while the body is sent. */
  | 'cut'
  /** The server never answers. */
  | 'silent'
  /** S3 has answered 200 when it finds out that it failed. */
  | 'late'
  /** The answer breaks off, or stands still, after so many bytes. */
  | { readonly breakAt: number }
  | { readonly stallAt: number }

/** A request as the server saw it: `PUT key`, `PUT key?part`, `POST key?begin`, `POST key?complete`, `DELETE key?upload`, `GET ?uploads`, … */
export type Seen = string

/** The running server. */
export interface S3Stub {
  /** What a client needs to use it. */
  readonly options: S3Options
  /** Every request, in order. */
  readonly seen: Seen[]
  /** Keys of the objects there are. */
  keys(): string[]
  /** Keys of the uploads that were begun, and neither completed nor ended. */
  uploads(): string[]
  /** Bytes of an object, and its ETag. */
  object(key: string): { readonly bytes: Buffer; readonly parts: number } | undefined
  /** Decides of every request from now on whether it fails, and how. */
  failWhen(decide: (seen: Seen) => Fault | null | undefined): void
  /** Begins an upload that nobody will complete, as a killed process leaves it. */
  abandonUpload(key: string): void
  /** Forgets everything, and fails no more. */
  reset(): void
  stop(): Promise<void>
}

interface StoredObject {
  readonly bytes: Buffer
  readonly meta: Readonly<Record<string, string>>
  readonly etag: string
  readonly parts: number
}

interface Upload {
  readonly key: string
  readonly meta: Readonly<Record<string, string>>
  readonly parts: Map<number, { bytes: Buffer; etag: string }>
}

/** What the server answers with. */
interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

const BUCKET = 'blobs'
const REGION = 'eu-test-1'
const MIN_PART_BYTES = 5 * 1024 * 1024

/** Starts the server on a free port. */
export async function startS3Stub(): Promise<S3Stub> {
  const objects = new Map<string, StoredObject>()
  const uploads = new Map<string, Upload>()
  const seen: Seen[] = []
  let decide: (seen: Seen) => Fault | null | undefined = () => null
  const credentials = {
    accessKeyId: `AK${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(60).toString('base64'),
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', endpoint)
    const name = nameOf(request.method ?? '', url)
    seen.push(name)
    const fault = decide(name) ?? null
    if (fault === 'silent') return void request.resume()
    if (fault === 'cut') return void request.once('data', () => request.destroy())
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const answer = await answerTo(request, url, body, fault).catch(errorAnswer)
    if (fault === 'lost') return void response.destroy()
    send(response, request.method ?? '', answer, fault)
  }

  async function answerTo(
    request: IncomingMessage,
    url: URL,
    body: Buffer,
    fault: Fault | null,
  ): Promise<Answer> {
    await authenticate(request, url, body, { region: REGION, credentials })
    if (fault !== null && typeof fault === 'object' && 'status' in fault) {
      throw new S3Error(fault.status, fault.code ?? 'InternalError', fault.message)
    }
    const [, bucket, ...rest] = url.pathname.split('/')
    if (bucket !== BUCKET) throw new S3Error(404, 'NoSuchBucket')
    if (fault === 'late') return { status: 200, body: errorXml('InternalError', 'at last') }
    return act(request, rest.join('/'), url.searchParams, body)
  }

  function act(request: IncomingMessage, key: string, query: URLSearchParams, body: Buffer): Answer {
    const uploadId = query.get('uploadId')
    switch (nameOf(request.method ?? '', new URL(request.url ?? '', endpoint)).replace(key, '')) {
      case 'PUT ':
        requireLength(request)
        checkAbsent(request, key)
        objects.set(key, { bytes: body, meta: metaOf(request), etag: etagOf(body), parts: 1 })
        return { status: 200, headers: { etag: etagOf(body) } }
      case 'POST ?begin': {
        // As odd as an id may be.
        const id = `${randomBytes(9).toString('base64')}+/=&<${uploads.size}`
        uploads.set(id, { key, meta: metaOf(request), parts: new Map() })
        return xml(
          `<InitiateMultipartUploadResult><UploadId>${escapeXml(id)}</UploadId></InitiateMultipartUploadResult>`,
        )
      }
      case 'PUT ?part': {
        requireLength(request)
        const number = Number(query.get('partNumber'))
        if (!(number >= 1 && number <= 10_000)) throw new S3Error(400, 'InvalidArgument')
        uploadOf(key, uploadId).parts.set(number, { bytes: body, etag: etagOf(body) })
        return { status: 200, headers: { etag: etagOf(body) } }
      }
      case 'POST ?complete': {
        const upload = uploadOf(key, uploadId)
        checkAbsent(request, key)
        const parts = completed(upload, body.toString())
        const bytes = Buffer.concat(parts)
        objects.set(key, { bytes, meta: upload.meta, etag: etagOf(bytes), parts: parts.length })
        uploads.delete(uploadId ?? '')
        return xml('<CompleteMultipartUploadResult><ETag>"0"</ETag></CompleteMultipartUploadResult>')
      }
      case 'DELETE ?upload':
        uploadOf(key, uploadId)
        uploads.delete(uploadId ?? '')
        return { status: 204 }
      case 'GET ?uploads': {
        const found = [...uploads].filter(([, upload]) => upload.key.startsWith(query.get('prefix') ?? ''))
        const items = found.map(
          ([id, upload]) => `<Upload><Key>${upload.key}</Key><UploadId>${escapeXml(id)}</UploadId></Upload>`,
        )
        return xml(`<ListMultipartUploadsResult>${items.join('')}</ListMultipartUploadsResult>`)
      }
      case 'DELETE ':
        objects.delete(key)
        return { status: 204 }
      case 'HEAD ':
      case 'GET ':
        return read(objects.get(key), request.headers.range)
      default:
        throw new S3Error(405, 'MethodNotAllowed')
    }
  }

  function checkAbsent(request: IncomingMessage, key: string): void {
    const condition = request.headers['if-none-match']
    if (condition !== undefined && condition !== '*') throw new S3Error(501, 'NotImplemented')
    if (condition === '*' && objects.has(key)) throw new S3Error(412, 'PreconditionFailed')
  }

  function uploadOf(key: string, id: string | null): Upload {
    const upload = uploads.get(id ?? '')
    if (upload?.key !== key) throw new S3Error(404, 'NoSuchUpload')
    return upload
  }

  return {
    options: { endpoint, bucket: BUCKET, region: REGION, credentials, prefix: 'coffer/test/' },
    seen,
    keys: () => [...objects.keys()],
    uploads: () => [...uploads.values()].map(({ key }) => key),
    object: (key) => objects.get(key),
    failWhen(decider) {
      decide = decider
    },
    abandonUpload: (key) =>
      void uploads.set(`abandoned ${uploads.size}`, { key, meta: {}, parts: new Map() }),
    reset() {
      objects.clear()
      uploads.clear()
      seen.length = 0
      decide = () => null
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** How a request is called in the log. */
function nameOf(method: string, { pathname, searchParams }: URL): Seen {
  const key = pathname.split('/').slice(2).join('/')
  if (searchParams.has('uploads')) return `${method} ${key}${method === 'GET' ? '?uploads' : '?begin'}`
  if (searchParams.has('partNumber')) return `${method} ${key}?part`
  if (searchParams.has('uploadId')) return `${method} ${key}${method === 'POST' ? '?complete' : '?upload'}`
  return `${method} ${key}`
}

/** The parts that a completion names, in their order. All are of one size but the last, which R2 demands. */
function completed({ parts }: Upload, body: string): Buffer[] {
  const named = [...body.matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag><\/Part>/g)]
  if (named.length === 0) throw new S3Error(400, 'MalformedXML')
  return named.map(([, number, etag], at) => {
    const part = parts.get(Number(number))
    if (at > 0 && Number(number) <= Number(named[at - 1]?.[1])) throw new S3Error(400, 'InvalidPartOrder')
    if (part === undefined || part.etag !== etag) throw new S3Error(400, 'InvalidPart')
    const isLast = at === named.length - 1
    if (!isLast && part.bytes.length < MIN_PART_BYTES) throw new S3Error(400, 'EntityTooSmall')
    if (!isLast && part.bytes.length !== parts.get(1)?.bytes.length) throw new S3Error(400, 'InvalidPart')
    return part.bytes
  })
}

function read(object: StoredObject | undefined, range: string | undefined): Answer {
  if (object === undefined) throw new S3Error(404, 'NoSuchKey')
  const { bytes, etag, meta } = object
  const headers = { etag, ...meta }
  if (range === undefined) return { status: 200, headers, body: bytes }
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)?.map(Number) ?? []
  if (start === undefined || end === undefined || start > end || start >= bytes.length) {
    throw new S3Error(416, 'InvalidRange')
  }
  const part = bytes.subarray(start, end + 1)
  const contentRange = `bytes ${start}-${start + part.length - 1}/${bytes.length}`
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, body: part }
}

function requireLength({ headers }: IncomingMessage): void {
  if (headers['content-length'] === undefined) throw new S3Error(411, 'MissingContentLength')
}

function metaOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

function send(
  response: ServerResponse,
  method: string,
  { status, headers, body = '' }: Answer,
  fault: Fault | null,
): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    ...headers,
    'content-length': method === 'HEAD' || status === 204 ? 0 : bytes.length,
  })
  if (method === 'HEAD' || status === 204) return void response.end()
  if (fault !== null && typeof fault === 'object' && !('status' in fault)) {
    const at = 'breakAt' in fault ? fault.breakAt : fault.stallAt
    response.write(bytes.subarray(0, at), () => 'breakAt' in fault && response.destroy())
    return
  }
  response.end(bytes)
}

function errorAnswer(error: unknown): Answer {
  if (!(error instanceof S3Error)) throw error
  return { status: error.status, body: errorXml(error.code, error.message) }
}

function errorXml(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
}

function xml(body: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?>\n${body}`,
  }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}
