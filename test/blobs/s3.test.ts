import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { s3Blobs } from '../../src/blobs/s3.ts'
import { readS3Options, type S3Credentials, type S3Options } from '../../src/blobs/s3-options.ts'
import { blobContract } from '../../src/testing/blob-contract.ts'
import { type Fault, type S3Stub, startS3Stub } from './s3-stub.ts'

const PART = 5 * 1024 * 1024
const NAME = '0123456789abcdef0123456789abcdef'
const KEY = `coffer/test/${NAME}`
const PATIENCE = { timeout: 60_000 }
/** How long a server that stays silent is waited for; long enough for one that is only slow. */
const SOON_MS = 2000

const stubs: S3Stub[] = []
afterAll(() => Promise.all(stubs.map((each) => each.stop())))

async function newStub(): Promise<S3Stub> {
  const stub = await startS3Stub()
  stubs.push(stub)
  return stub
}

blobContract({ describe, it }, async () => s3Blobs((await newStub()).options))

let stub: S3Stub
let blobs: BlobStore
beforeAll(async () => {
  stub = await newStub()
})
beforeEach(async () => {
  stub.reset()
  blobs = s3Blobs(stub.options)
})

/** Bytes that repeat with a length that no chunk and no part is a multiple of. */
const PATTERN = Buffer.alloc(
  3 * PART,
  Uint8Array.from({ length: 251 }, (_, at) => at),
)
const bytesOf = (size: number): Buffer => PATTERN.subarray(0, size)

/** In chunks; with an error, broken off at the end. */
function streamOf(size: number, error?: Error): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < size) {
        const end = Math.min(size, at + 300_007)
        controller.enqueue(Uint8Array.from(PATTERN.subarray(at, end)))
        at = end
      } else if (error) controller.error(error)
      else controller.close()
    },
  })
}

async function readBack(range?: { start: number; end: number }): Promise<Buffer> {
  const stream = await blobs.open(NAME, range)
  return Buffer.from(await new Response(stream).arrayBuffer())
}

/** Fails the first so many requests of a kind. */
function failFirst(kind: string, fault: Fault, times = 1): void {
  stub.failWhen((seen) => (seen === kind && times-- > 0 ? fault : null))
}

describe('a blob', () => {
  it.each([
    [0, 1],
    [PART - 1, 1],
    [PART, 1],
    [PART + 1, 2],
    [2 * PART, 2],
    [2 * PART + 123_456, 3],
  ])('of %i bytes goes in %i pieces, and comes back', PATIENCE, async (size, parts) => {
    expect(await blobs.put(NAME, streamOf(size))).toBe(size)
    expect(stub.object(KEY)?.parts).toBe(parts)
    expect((await readBack()).equals(bytesOf(size))).toBe(true)
    expect(stub.uploads()).toEqual([])
    // Whole or in parts: never both ways, and nothing is asked that need not be.
    const steps = parts === 1 ? 1 : parts + 2
    expect(stub.seen).toHaveLength(steps + 1)
  })

  it('stands under the prefix, and is never replaced', PATIENCE, async () => {
    await blobs.put(NAME, streamOf(100))
    expect(stub.keys()).toEqual([KEY])
    for (const size of [50, PART + 50]) {
      await expect(blobs.put(NAME, streamOf(size))).rejects.toMatchObject({
        code: 'store-failed',
        message: 'S3 holds another blob of that name',
      })
    }
    expect(await readBack()).toHaveLength(100)
    expect(stub.uploads()).toEqual([])
  })

  it('can be read in ranges that reach over its parts', PATIENCE, async () => {
    const size = 2 * PART + 1000
    await blobs.put(NAME, streamOf(size))
    for (const [start, end] of [
      [PART - 1, PART],
      [0, size - 1],
      [PART + 1, 2 * PART + 999],
    ] as const) {
      expect((await readBack({ start, end })).equals(bytesOf(size).subarray(start, end + 1))).toBe(true)
    }
  })
})

describe('what is not completed', () => {
  it.each([0, 1, 3])('leaves nothing when the stream fails after %i parts', PATIENCE, async (parts) => {
    const gone = new Error('the client is gone')
    await expect(blobs.put(NAME, streamOf(parts * PART + 100, gone))).rejects.toBe(gone)
    expect([stub.keys(), stub.uploads()]).toEqual([[], []])
    // What never began needs no end.
    if (parts === 0) expect(stub.seen).toEqual([])
  })

  it('leaves nothing when a part cannot be stored, and the stream is let go', PATIENCE, async () => {
    stub.failWhen((seen) => (seen.startsWith('PUT') ? { status: 403, code: 'AccessDenied' } : null))
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
      cancel() {
        cancelled = true
      },
    })
    await expect(blobs.put(NAME, endless)).rejects.toMatchObject({
      code: 'store-failed',
      message: 'S3 could not store a part: 403 AccessDenied',
    })
    expect(cancelled).toBe(true)
    expect([stub.keys(), stub.uploads()]).toEqual([[], []])
  })

  it('by a process that was killed goes when the blob is deleted', async () => {
    stub.abandonUpload(KEY)
    stub.abandonUpload(KEY)
    stub.abandonUpload('coffer/test/somebody-else')
    await blobs.delete(NAME)
    expect(stub.uploads()).toEqual(['coffer/test/somebody-else'])
  })
})

describe('a request that fails once', () => {
  const faults: Readonly<Record<string, Fault>> = {
    'with 500': { status: 500, code: 'InternalError' },
    'with 503': { status: 503, code: 'SlowDown' },
    'for a conflict': { status: 409, code: 'ConditionalRequestConflict' },
    'for being slow': { status: 400, code: 'RequestTimeout' },
    'with its answer lost': 'lost',
    'in its middle': 'cut',
    'without an answer': 'silent',
  }
  const kinds = { whole: 100, parts: PART + 100 }
  const steps: readonly (readonly [string, keyof typeof kinds])[] = [
    [`PUT ${KEY}`, 'whole'],
    [`POST ${KEY}?begin`, 'parts'],
    [`PUT ${KEY}?part`, 'parts'],
    [`POST ${KEY}?complete`, 'parts'],
  ]
  for (const [name, fault] of Object.entries(faults)) {
    // Only requests with a body can break in its middle.
    for (const [step, kind] of steps.filter(([step]) => fault !== 'cut' || !step.endsWith('begin'))) {
      it(`${name} is sent again: ${step.replace(KEY, '')}`, PATIENCE, async () => {
        failFirst(step, fault)
        if (fault === 'silent') blobs = s3Blobs({ ...stub.options, timeoutMs: SOON_MS })
        await blobs.put(NAME, streamOf(kinds[kind]))
        expect((await readBack()).equals(bytesOf(kinds[kind]))).toBe(true)
        expect(stub.uploads()).toEqual([])
      })
    }
  }

  it('after it was answered with 200 is sent again', PATIENCE, async () => {
    failFirst(`POST ${KEY}?complete`, 'late')
    await blobs.put(NAME, streamOf(PART + 100))
    expect(await readBack()).toHaveLength(PART + 100)
  })

  it.each([`GET ${KEY}`, `DELETE ${KEY}`, 'GET ?uploads'])(
    'is sent again when it reads or deletes: %s',
    async (step) => {
      await blobs.put(NAME, streamOf(100))
      blobs = s3Blobs({ ...stub.options, timeoutMs: SOON_MS })
      for (const fault of Object.values(faults).filter((each) => each !== 'cut')) {
        failFirst(step, fault)
        if (step.startsWith(`GET ${KEY}`)) expect(await readBack()).toHaveLength(100)
        else await blobs.delete(NAME)
      }
    },
  )
})

describe('a server that keeps failing', () => {
  it.each([
    [`PUT ${KEY}`, 100],
    [`POST ${KEY}?begin`, PART + 1],
    [`PUT ${KEY}?part`, PART + 1],
    [`POST ${KEY}?complete`, PART + 1],
  ])('is asked five times, and no more: %s', PATIENCE, async (step, size) => {
    failFirst(step, { status: 503, code: 'SlowDown' }, 1000)
    await expect(blobs.put(NAME, streamOf(size))).rejects.toMatchObject({
      code: 'store-failed',
      message: expect.stringMatching(/^S3 could not .*: 503 SlowDown$/),
    })
    expect(stub.seen.filter((each) => each === step)).toHaveLength(5)
    stub.failWhen(() => null)
    expect([stub.keys(), stub.uploads()]).toEqual([[], []])
  })

  it('by silence is given up', PATIENCE, async () => {
    await blobs.put(NAME, streamOf(100))
    blobs = s3Blobs({ ...stub.options, timeoutMs: 1000 })
    failFirst(`GET ${KEY}`, 'silent', 1000)
    await expect(blobs.open(NAME)).rejects.toMatchObject({ code: 'store-failed' })
  })
})

describe('a blob that is being read', () => {
  it('fails in the middle when the connection breaks, or stands still', PATIENCE, async () => {
    await blobs.put(NAME, streamOf(1_000_000))
    blobs = s3Blobs({ ...stub.options, timeoutMs: SOON_MS })
    for (const fault of [{ breakAt: 500_000 }, { stallAt: 500_000 }, { breakAt: 999_999 }, { stallAt: 0 }]) {
      failFirst(`GET ${KEY}`, fault)
      const stream = await blobs.open(NAME)
      let read = 0
      const reading = (async () => {
        for await (const chunk of stream ?? []) read += chunk.length
      })()
      await expect(reading).rejects.toMatchObject({ code: 'store-failed' })
      expect(read).toBeLessThan(1_000_000)
    }
  })

  it('lets the connection go when nobody wants the rest', async () => {
    await blobs.put(NAME, streamOf(1_000_000))
    failFirst(`GET ${KEY}`, { stallAt: 10 })
    const reader = (await blobs.open(NAME))?.getReader()
    expect((await reader?.read())?.value).toHaveLength(10)
    await reader?.cancel()
  })
})

describe('an error', () => {
  const key = (): S3Credentials => stub.options.credentials as S3Credentials
  const secrets = (): string[] => [...Object.values(key()), 'not-the-secret', 'AKNOBODY']

  function expectNoSecret(error: unknown): void {
    const shown = inspect(error, { depth: 10, showHidden: true })
    for (const secret of secrets()) expect(shown).not.toContain(secret)
  }

  it.each<[string, () => Partial<S3Options>, string]>([
    [
      'of the secret',
      () => ({ credentials: { ...key(), secretAccessKey: 'not-the-secret' } }),
      '403 SignatureDoesNotMatch',
    ],
    ['of the key', () => ({ credentials: { ...key(), accessKeyId: 'AKNOBODY' } }), '403 InvalidAccessKeyId'],
    ['of the region', () => ({ region: 'us-east-1' }), '400 AuthorizationHeaderMalformed'],
    ['of the bucket', () => ({ bucket: 'nothing' }), '404 NoSuchBucket'],
  ])('%s says what S3 calls it, and tells no secret', async (_, wrong, expected) => {
    const other = s3Blobs({ ...stub.options, ...wrong() })
    for (const call of [
      () => other.put(NAME, streamOf(10)),
      () => other.open(NAME),
      () => other.delete(NAME),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'store-failed', message: expect.stringContaining(expected) })
      expectNoSecret(error)
    }
  })

  it('of the network tells no secret', PATIENCE, async () => {
    failFirst(`GET ${KEY}`, 'lost', 1000)
    const error = await blobs.open(NAME).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'store-failed', cause: expect.any(Error) })
    expectNoSecret(error)
  })

  it('of the credentials themselves is passed on', async () => {
    const options = { ...stub.options, credentials: () => Promise.reject(new Error('no role')) }
    await expect(s3Blobs(options).open(NAME)).rejects.toMatchObject({
      code: 'store-failed',
      message: 'the credentials for S3 could not be had',
      cause: new Error('no role'),
    })
  })
})

describe('options', () => {
  it('take credentials that change', async () => {
    let asked = 0
    const options = {
      ...stub.options,
      credentials: async () => {
        asked++
        return stub.options.credentials as S3Credentials
      },
    }
    const changing = s3Blobs(options)
    await changing.put(NAME, streamOf(10))
    await changing.open(NAME)
    expect(asked).toBe(2)
  })

  it('say where the bucket stands', () => {
    const urlOf = (options: Partial<S3Options>, key = 'k'): string =>
      readS3Options({ ...stub.options, prefix: '', ...options }).urlOf(key).href
    const endpoint = 'https://s3.example.com'
    expect(urlOf({ endpoint })).toBe('https://s3.example.com/blobs/k')
    expect(urlOf({ endpoint }, '')).toBe('https://s3.example.com/blobs')
    expect(urlOf({ endpoint: 'https://example.com:9000/s3/' })).toBe('https://example.com:9000/s3/blobs/k')
    // The bucket is never taken for a host.
    expect(urlOf({ endpoint: `${endpoint}//` })).toBe('https://s3.example.com//blobs/k')
    expect(urlOf({ endpoint, addressing: 'host' })).toBe('https://blobs.s3.example.com/k')
    expect(urlOf({ endpoint, addressing: 'host' }, '')).toBe('https://blobs.s3.example.com/')
  })

  it.each<Record<string, unknown>>([
    { endpoint: 'ftp://s3.example.com' },
    { endpoint: 'https://user:secret@s3.example.com' },
    { endpoint: 'https://s3.example.com?a=b' },
    { endpoint: '' },
    { bucket: 'Upper' },
    { bucket: 'a/b' },
    { bucket: '' },
    { region: '' },
    { prefix: '/coffer/' },
    { prefix: 'coffer' },
    { prefix: '../' },
    { prefix: 'a b/' },
    { credentials: { accessKeyId: 'AK' } },
    { credentials: null },
    { addressing: 'virtual' },
    { timeoutMs: 999 },
    { timeoutMs: Number.NaN },
    { buckets: 'misspelt' },
  ])('are checked: %o', (wrong) => {
    const options = { ...stub.options, ...wrong } as S3Options
    const error = (() => {
      try {
        return s3Blobs(options)
      } catch (reason) {
        return reason
      }
    })()
    expect(error).toMatchObject({ code: 'invalid-option' })
    expect(inspect(error)).not.toContain('secret@')
  })
})
