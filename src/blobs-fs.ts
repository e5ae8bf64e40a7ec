/** Blobs as files of one folder. */

export type { BlobRange, BlobStore } from './blobs/blob-store.ts'
export { fsBlobs } from './blobs/fs.ts'
