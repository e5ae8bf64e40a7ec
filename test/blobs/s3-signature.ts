import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { SignatureV4 } from '@smithy/signature-v4'

/** Who may use a bucket, and where it is. */
export interface S3Account {
  readonly region: string
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken: string
  }
}

/** An error of S3. */
export class S3Error extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message = 'as the rules say') {
    super(message)
    this.status = status
    this.code = code
  }
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
const MAX_SKEW_MS = 15 * 60_000

/**
 * Checks a request as S3 does (Signature Version 4, in the `Authorization` field), with the code of the AWS SDK. Bodies must
 * be signed too. Like S3, it says a lot of what was wrong.
 */
export async function authenticate(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  { region, credentials }: S3Account,
): Promise<void> {
  const { headers } = request
  const [, id, day = '', scope, names = '', signature] = AUTHORIZATION.exec(headers.authorization ?? '') ?? []
  if (id !== credentials.accessKeyId) throw new S3Error(403, 'InvalidAccessKeyId', `there is no ${id}`)
  if (scope !== region) throw new S3Error(400, 'AuthorizationHeaderMalformed')
  const at = String(headers['x-amz-date'])
  const date = new Date(at.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  if (!at.startsWith(day) || !(Math.abs(date.getTime() - Date.now()) < MAX_SKEW_MS)) {
    throw new S3Error(403, 'RequestTimeTooSkewed')
  }
  const signed = names.split(';')
  const required = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  if (!required.every((name) => signed.includes(name))) throw new S3Error(403, 'AccessDenied')
  if (headers['x-amz-security-token'] !== credentials.sessionToken) throw new S3Error(403, 'InvalidToken')
  if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) {
    throw new S3Error(400, 'XAmzContentSHA256Mismatch')
  }
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  })
  const expected = await signer.sign(
    {
      method: request.method ?? '',
      protocol: 'http:',
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(signed.map((name) => [name, String(headers[name])])),
    },
    { signingDate: date },
  )
  if (!expected.headers['authorization']?.endsWith(`Signature=${signature}`)) {
    const shown = `${id} signed ${headers['x-amz-security-token']} with ${credentials.secretAccessKey}`
    throw new S3Error(403, 'SignatureDoesNotMatch', shown)
  }
}

/** The hash that the signer works with. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHmac> | ReturnType<typeof createHash>

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data))
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data)
}
