import { AwsV4Signer } from 'aws4fetch'
import { readBytes } from '../lib/body.ts'
import { fromUtf8 } from '../lib/bytes.ts'
import { sleep, within } from '../lib/deadline.ts'
import { toHex } from '../lib/hex.ts'
import { CofferError } from '../problems/error.ts'
import { bytesStream } from './blob-stream.ts'
import type { S3Credentials, S3Settings } from './s3-options.ts'

/** A request to S3. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Empty for the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
}

/** An answer that was read to its end. */
export interface S3Answer {
  readonly status: number
  /** What S3 calls an error, such as `NoSuchKey`; `null` when it does not say. */
  readonly code: string | null
  readonly headers: Headers
  readonly text: string
  /** Whether an earlier request for the same may have had effect. */
  readonly isRepeated: boolean
}

/** Sends signed requests. What may pass is tried again: no answer, a busy server. */
export interface S3Client {
  /**
   * Sends a request and reads the answer.
   *
   * @param what - Completes "S3 could not …".
   * @param accepted - What the status may be, or the code of an error.
   * @throws CofferError `store-failed` for any other answer, or none; without credentials, and without what S3 says of them.
   */
  ask(what: string, request: S3Request, accepted: readonly (number | string)[]): Promise<S3Answer>
  /** {@link ask} for an object, as it comes; `null` when there is none. */
  open(what: string, request: S3Request, accepted: number): Promise<ReadableStream<Uint8Array> | null>
}

const MAX_ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
const MAX_ANSWER_BYTES = 1024 * 1024

/** Also conflicts of conditional writes that are under way, which S3 asks to repeat. */
const PASSING = new Set<number | string>([408, 409, 429, 500, 502, 503, 504, 'RequestTimeout'])

/** Opens a client. */
export function createS3Client(settings: S3Settings): S3Client {
  /** Sends a request once; its time runs until `read` is done. */
  async function exchange<Result>(
    { method, key, query = {}, headers = {}, body }: S3Request,
    read: (response: Response, abort: AbortController) => Promise<Result>,
  ): Promise<Result> {
    const url = settings.urlOf(key)
    url.search = new URLSearchParams(query).toString()
    const signed = await sign(method, url, { ...headers, 'x-amz-content-sha256': await sha256(body) })
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), settings.timeoutMs)
    try {
      // Redirects are not followed: S3 sends them for a wrong region, and signatures hold for one host.
      const init = { method, headers: signed, redirect: 'manual', signal: abort.signal } as const
      return await read(await fetch(url, body === undefined ? init : { ...init, body }), abort)
    } finally {
      clearTimeout(timer)
    }
  }

  async function sign(method: string, url: URL, headers: Record<string, string>): Promise<Headers> {
    const credentials = await currentCredentials()
    const { region } = settings
    const signer = new AwsV4Signer({ ...credentials, method, url: url.href, headers, service: 's3', region })
    return (await signer.sign()).headers
  }

  async function currentCredentials(): Promise<S3Credentials> {
    try {
      return await settings.credentials()
    } catch (cause) {
      throw new CofferError('store-failed', 'the credentials for S3 could not be had', { cause })
    }
  }

  /** Tries until an answer is one that stays. */
  async function persist<Result extends S3Answer | OpenAnswer>(
    what: string,
    attempt: (isRepeated: boolean) => Promise<Result>,
  ): Promise<Result> {
    for (let attempts = 1; ; attempts++) {
      const isLast = attempts === MAX_ATTEMPTS
      try {
        const answer = await attempt(attempts > 1)
        if (isLast || !isPassing(answer)) return answer
      } catch (cause) {
        if (cause instanceof CofferError) throw cause
        if (isLast)
          throw new CofferError('store-failed', `S3 could not ${what}: it gave no answer`, { cause })
      }
      await sleep((0.5 + Math.random()) * FIRST_PAUSE_MS * 2 ** (attempts - 1))
    }
  }

  return {
    async ask(what, request, accepted) {
      const answer = await persist(what, (isRepeated) =>
        exchange(request, (response) => readAnswer(response, isRepeated)),
      )
      const { status, code } = answer
      if (accepted.includes(status) || (code !== null && accepted.includes(code))) return answer
      throw failure(what, answer)
    },

    async open(what, request, accepted) {
      const opened = await persist<S3Answer | OpenAnswer>(what, (isRepeated) =>
        exchange(request, async (response, abort) =>
          response.status === accepted
            ? { status: accepted, response, abort: () => abort.abort() }
            : readAnswer(response, isRepeated),
        ),
      )
      if ('response' in opened) return bodyOf(opened, settings.timeoutMs)
      if (opened.code === 'NoSuchKey') return null
      throw failure(what, opened)
    },
  }
}

/** An answer whose body has yet to be read. */
interface OpenAnswer {
  readonly status: number
  readonly response: Response
  /** Gives up on the rest of it. */
  readonly abort: () => void
}

/** A body that fails when it stalls, and with our error when it breaks off. */
function bodyOf({ response, abort }: OpenAnswer, timeoutMs: number): ReadableStream<Uint8Array> {
  const reader = (response.body ?? bytesStream(new Uint8Array())).getReader()

  async function next(): Promise<Uint8Array | null> {
    const read = await within(timeoutMs, reader.read()).catch((cause: unknown) => {
      throw new CofferError('store-failed', 'S3 broke off while a blob was read', { cause })
    })
    if (read !== null) return read.value ?? null
    abort()
    throw new CofferError('store-failed', `S3 sent nothing of a blob for ${timeoutMs} ms`)
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await next()
        if (chunk === null) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

function failure(what: string, { status, code }: S3Answer): CofferError {
  return new CofferError(
    'store-failed',
    `S3 could not ${what}: ${code === null ? status : `${status} ${code}`}`,
  )
}

function isPassing(answer: S3Answer | OpenAnswer): boolean {
  return PASSING.has(answer.status) || ('code' in answer && answer.code !== null && PASSING.has(answer.code))
}

/** What S3 begins to answer with 200, before it knows, can still say that it failed. */
async function readAnswer(response: Response, isRepeated: boolean): Promise<S3Answer> {
  const { status, headers, body } = response
  const bytes = body && (await readBytes(body, MAX_ANSWER_BYTES))
  const text = (bytes && fromUtf8(bytes)) ?? ''
  const code = text.includes('<Error>') ? (/<Code>(\w{1,64})<\/Code>/.exec(text)?.[1] ?? null) : null
  return { status: status === 200 && code !== null ? 500 : status, code, headers, text, isRepeated }
}

async function sha256(body: Uint8Array<ArrayBuffer> = new Uint8Array()): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', body))).slice(2)
}
