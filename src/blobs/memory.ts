import { readBytes } from '../lib/body.ts'
import { CofferError } from '../problems/error.ts'
import { checkBlobName } from './blob-name.ts'
import type { BlobStore } from './blob-store.ts'
import { bytesStream } from './blob-stream.ts'

/** Blobs in this process's memory: for tests, development and whatever may be forgotten at a restart. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, Uint8Array>()
  return {
    async put(name, body) {
      checkBlobName(name)
      const bytes = await readBytes(body, Number.MAX_SAFE_INTEGER)
      if (bytes === null) throw new CofferError('store-failed', 'the blob is too large')
      blobs.set(name, bytes)
      return bytes.length
    },
    async open(name, range) {
      checkBlobName(name)
      const bytes = blobs.get(name)
      return bytes === undefined ? null : bytesStream(bytes, range)
    },
    async delete(name) {
      checkBlobName(name)
      blobs.delete(name)
    },
    async close() {
      blobs.clear()
    },
  }
}
