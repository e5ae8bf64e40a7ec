import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** What {@link s3Blobs} takes. */
export interface S3Options {
  /** URL of the service: `https://s3.eu-central-1.amazonaws.com`, `https://<account>.r2.cloudflarestorage.com`, `http://127.0.0.1:9000`. */
  readonly endpoint: string
  readonly bucket: string
  /** Region that requests are signed for, such as `eu-central-1`. R2: `auto`. MinIO: `us-east-1`, unless it was told otherwise. */
  readonly region: string
  /** A key that may read, write, delete and list; or a function that gives the one of the moment, asked before every request. */
  readonly credentials: S3Credentials | (() => S3Credentials | Promise<S3Credentials>)
  /** What the keys of all blobs begin with: folders such as `coffer/`, each of `A-Z a-z 0-9 . _ -`. Default: nothing. */
  readonly prefix?: string
  /** Where the bucket stands in URLs: in the `path`, which all servers know, or in the `host`. Default `path`. */
  readonly addressing?: 'path' | 'host'
  /**
   * Longest wait for an answer, and for the next bytes of a blob that is read; milliseconds, 1000 to 600 000. A part of
   * 5 MiB has to be sent within it. Default 60 000.
   */
  readonly timeoutMs?: number
}

/** A key of an S3 account. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** For a key that does not last. */
  readonly sessionToken?: string
}

/** {@link S3Options}, checked and complete. */
export interface S3Settings {
  readonly region: string
  readonly prefix: string
  readonly timeoutMs: number
  credentials(): S3Credentials | Promise<S3Credentials>
  /** The URL of a key; of the bucket for an empty one. */
  urlOf(key: string): URL
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/

/**
 * Checks options and fills in defaults.
 *
 * @throws CofferError `invalid-option`. Never shows a secret.
 */
export function readS3Options(options: S3Options): S3Settings {
  const names = ['endpoint', 'bucket', 'region', 'credentials', 'prefix', 'addressing', 'timeoutMs']
  refuseUnknownOptions(options, names, 's3')
  const { bucket, region, credentials, prefix = '', addressing = 'path', timeoutMs = 60_000 } = options
  if (typeof bucket !== 'string' || !BUCKET.test(bucket))
    invalidOption('s3.bucket', 'the name of a bucket', bucket)
  if (typeof region !== 'string' || region === '')
    invalidOption('s3.region', "a region such as 'auto'", region)
  if (!PREFIX.test(prefix)) invalidOption('s3.prefix', "folders such as 'coffer/'", prefix)
  if (addressing !== 'path' && addressing !== 'host')
    invalidOption('s3.addressing', "'path' or 'host'", addressing)
  if (!(timeoutMs >= 1000 && timeoutMs <= 600_000)) {
    invalidOption('s3.timeoutMs', 'milliseconds from 1000 to 600000', timeoutMs)
  }
  if (typeof credentials !== 'function') checkCredentials(credentials)
  const base = readEndpoint(options.endpoint)
  if (addressing === 'host') base.hostname = `${bucket}.${base.hostname}`
  const root = addressing === 'host' ? '' : `${bucket}/`
  return {
    region,
    prefix,
    timeoutMs,
    credentials: typeof credentials === 'function' ? credentials : () => credentials,
    urlOf(key) {
      const url = new URL(base)
      url.pathname += (root + key).replace(/\/$/, '')
      return url
    },
  }
}

function readEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  // Not shown: what does not belong into a URL may be a password.
  if (!isPlain || url.username !== '' || url.password !== '') {
    return invalidOption('s3.endpoint', 'an http or https URL without a query or credentials')
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function checkCredentials(credentials: S3Credentials): void {
  const { accessKeyId, secretAccessKey } = credentials ?? {}
  if (!accessKeyId || !secretAccessKey) {
    invalidOption('s3.credentials', 'an accessKeyId and a secretAccessKey, or a function that gives them')
  }
}
