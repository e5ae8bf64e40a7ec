/** Blobs in a bucket of S3, or of anything that speaks its protocol. */
export type { BlobRange, BlobStore } from './blobs/blob-store.ts'
export { s3Blobs } from './blobs/s3.ts'
export type { S3Credentials, S3Options } from './blobs/s3-options.ts'
