import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { systemRandom } from '../lib/id.ts'
import { CofferError } from '../problems/error.ts'
import { checkBlobName } from './blob-name.ts'
import type { BlobStore } from './blob-store.ts'
import { cut } from './parts.ts'
import { createS3Client } from './s3-client.ts'
import { readS3Options, type S3Options } from './s3-options.ts'
import { elementsOf, escapeXml } from './s3-xml.ts'

/** Smallest part that S3 takes; all of one size, which R2 asks for. What is not larger goes in one request. */
const PART_BYTES = 5 * 1024 * 1024
const MAX_PARTS = 10_000

/** Tells whose an object is, when the answer to its upload was lost. */
const MARK = 'x-amz-meta-coffer-put'

/** Refuses to replace an object: names are used once. */
const IF_ABSENT = { 'if-none-match': '*' }

/** An upload in parts. */
interface Upload {
  readonly id: string
  /** `false` when the answer to its beginning was lost, so that there may be two. */
  readonly isOnlyOne: boolean
}

/**
 * Blobs in a bucket of S3, or of anything that speaks its protocol: R2, MinIO, … Uses `fetch` alone, so it works on every
 * runtime. A blob is at most 48.8 GiB; while it is stored or read, one part of 5 MiB of it is in memory.
 *
 * The bucket should end uploads by itself that were not completed within some days (a life cycle rule): those of a
 * process that was killed are ended when their blob is deleted, which needs this store to be reached.
 */
export function s3Blobs(options: S3Options): BlobStore {
  const settings = readS3Options(options)
  const client = createS3Client(settings)
  const keyOf = (name: string): string => {
    checkBlobName(name)
    return settings.prefix + name
  }

  /** Stores what fits into one request. */
  async function putWhole(key: string, mark: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { ...IF_ABSENT, [MARK]: mark }
    const { status } = await client.ask('store a blob', { method: 'PUT', key, headers, body }, [200, 412])
    if (status === 412) await checkIsOurs(key, mark)
  }

  async function beginUpload(key: string, mark: string): Promise<Upload> {
    const request = { method: 'POST', key, query: { uploads: '' }, headers: { [MARK]: mark } } as const
    const { text, isRepeated } = await client.ask('begin an upload', request, [200])
    const [id = unreadable()] = elementsOf(text, 'UploadId')
    return { id, isOnlyOne: !isRepeated }
  }

  /** Sends a part; its ETag names it when the upload is completed. */
  async function putPart(
    key: string,
    uploadId: string,
    number: number,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    if (number > MAX_PARTS)
      throw new CofferError('store-failed', 'the blob is larger than S3 takes in parts of 5 MiB')
    const query = { partNumber: String(number), uploadId }
    const { headers } = await client.ask('store a part', { method: 'PUT', key, query, body }, [200])
    return headers.get('etag') ?? unreadable()
  }

  async function completeUpload(
    key: string,
    uploadId: string,
    mark: string,
    etags: readonly string[],
  ): Promise<void> {
    const parts = etags.map(
      (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
    )
    const body = utf8(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
    const request = { method: 'POST', key, query: { uploadId }, headers: IF_ABSENT, body } as const
    const { status } = await client.ask('complete an upload', request, [200, 412, 'NoSuchUpload'])
    if (status !== 200) await checkIsOurs(key, mark)
  }

  /** When an answer was lost, the same request fails the second time for what the first has done. */
  async function checkIsOurs(key: string, mark: string): Promise<void> {
    const { headers } = await client.ask('look at a blob', { method: 'HEAD', key }, [200, 404])
    if (headers.get(MARK) !== mark)
      throw new CofferError('store-failed', 'S3 holds another blob of that name')
  }

  /** Ends all uploads of a key, so that their parts cost nothing. A part that was under way may bring one back. */
  async function abortUploads(key: string): Promise<void> {
    for (let rounds = 0; rounds < 3; rounds++) {
      const list = { method: 'GET', key: '', query: { uploads: '', prefix: key } } as const
      const { text } = await client.ask('list uploads', list, [200])
      const uploadIds = elementsOf(text, 'UploadId')
      if (uploadIds.length === 0) return
      for (const uploadId of uploadIds) {
        await client.ask('end an upload', { method: 'DELETE', key, query: { uploadId } }, [
          204,
          'NoSuchUpload',
        ])
      }
    }
  }

  return {
    async put(name, body) {
      const key = keyOf(name)
      const mark = toHex(systemRandom(16)).slice(2)
      const etags: string[] = []
      let upload: Upload | null = null
      let hasBegun = false
      let size = 0
      try {
        for await (const { bytes, isLast } of cut(body, PART_BYTES)) {
          size += bytes.length
          if (isLast && upload === null) {
            await putWhole(key, mark, bytes)
            return size
          }
          hasBegun = true
          upload ??= await beginUpload(key, mark)
          etags.push(await putPart(key, upload.id, etags.length + 1, bytes))
        }
        if (upload !== null) await completeUpload(key, upload.id, mark, etags)
      } catch (error) {
        // Should this fail too, the blob's deletion tries again.
        if (hasBegun) await abortUploads(key).catch(() => {})
        throw error
      }
      if (upload?.isOnlyOne === false) await abortUploads(key).catch(() => {})
      return size
    },

    async open(name, range) {
      const headers = range ? { range: `bytes=${range.start}-${range.end}` } : {}
      const request = { method: 'GET', key: keyOf(name), headers } as const
      return client.open('open a blob', request, range ? 206 : 200)
    },

    async delete(name) {
      const key = keyOf(name)
      await abortUploads(key)
      await client.ask('delete a blob', { method: 'DELETE', key }, [200, 204, 'NoSuchKey'])
    },

    async close() {},
  }
}

function unreadable(): never {
  throw new CofferError('store-failed', 'S3 answered without what it has to say')
}
