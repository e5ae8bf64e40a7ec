/**
 * Where the bytes of files are kept. Names are opaque and ours: 32 hexadecimal digits, each used once. Nothing that a
 * client sends ever becomes one, and any other name is refused with CofferError `invalid-option`.
 */
export interface BlobStore {
  /**
   * Stores a stream under a name; nothing is visible under it until all of it is stored, for good.
   *
   * @returns How many bytes were stored.
   * @throws What the stream throws; then nothing is stored. CofferError `store-failed` when the bytes cannot be kept.
   */
  put(name: string, body: ReadableStream<Uint8Array>): Promise<number>
  /** Opens a blob, or the part of it from `range.start` to `range.end`, both included; `null` when there is none. */
  open(name: string, range?: BlobRange): Promise<ReadableStream<Uint8Array> | null>
  /** Deletes a blob, and what a {@link put} that was killed has left of it; does nothing when there is none. */
  delete(name: string): Promise<void>
  /** Frees what the store holds open. */
  close(): Promise<void>
}

/** Bytes of a blob, counted from 0, both ends included and within the blob. */
export interface BlobRange {
  readonly start: number
  readonly end: number
}
