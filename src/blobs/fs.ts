import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { CofferError, invalidOption } from '../problems/error.ts'
import { checkBlobName } from './blob-name.ts'
import type { BlobStore } from './blob-store.ts'
import { blobStream } from './blob-stream.ts'

/** For the owner alone: what buyers are given is in here. */
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

// Windows has no such flag, and its links are for administrators.
const NO_LINKS = constants.O_NOFOLLOW ?? 0

/**
 * Blobs as files of one folder, for any number of processes on one machine. Uses the runtime's own `node:fs`: Node, Bun,
 * Deno. A blob is on the disk when {@link BlobStore.put} resolves.
 *
 * The folder is flat, and no link in it is followed, neither to read nor to write.
 *
 * @param root - The folder, made when it is missing. Coffer needs it for itself.
 */
export function fsBlobs(root: string): BlobStore {
  if (root === '') invalidOption('root', 'the path of a folder', root)
  const pathOf = (name: string): string => {
    checkBlobName(name)
    return join(root, name)
  }
  const partOf = (name: string): string => `${pathOf(name)}.part`

  return {
    async put(name, body) {
      const part = partOf(name)
      const file = await attempt('make a file', async () => {
        await makeFolder(root)
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_LINKS
        return open(part, flags, FILE_MODE)
      })
      try {
        const size = await write(file, body)
        await attempt('store a file', async () => {
          await file.sync()
          await file.close()
          await rename(part, pathOf(name))
          await syncFolder(root)
        })
        return size
      } catch (error) {
        await file.close().catch(() => {})
        await rm(part, { force: true }).catch(() => {})
        throw error
      }
    },

    async open(name, range) {
      const found = await attempt('open a file', () => openExisting(pathOf(name)))
      if (found === null) return null
      const { file, size } = found
      return blobStream(range ?? { start: 0, end: size - 1 }, {
        read: (at, length) => attempt('read a file', () => read(file, at, length)),
        close: () => file.close(),
      })
    },

    async delete(name) {
      await attempt('delete a file', async () => {
        await rm(pathOf(name), { force: true })
        await rm(partOf(name), { force: true })
      })
    },

    async close() {},
  }
}

async function write(file: FileHandle, body: ReadableStream<Uint8Array>): Promise<number> {
  let size = 0
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await attempt('write a file', () => file.write(chunk, at))
      at += bytesWritten
    }
    size += chunk.length
  }
  return size
}

async function read(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  if (bytesRead === 0) throw new CofferError('store-failed', 'the file is shorter than it was')
  return buffer.subarray(0, bytesRead)
}

async function openExisting(path: string): Promise<{ file: FileHandle; size: number } | null> {
  const file = await open(path, constants.O_RDONLY | NO_LINKS).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return null
  const found = await file.stat()
  if (found.isFile()) return { file, size: found.size }
  await file.close()
  throw new CofferError('store-failed', 'there is something in the folder that is not a file')
}

/** Makes a folder, and those above it, so that they are on the disk. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: FOLDER_MODE })
  if (first === undefined) return
  const last = dirname(resolve(first))
  for (let at = resolve(path); at !== last; at = dirname(at)) await syncFolder(dirname(at))
}

/** A new name is on the disk when its folder is. Windows does not open folders, and needs no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Turns what the file system throws into the error that callers switch on. */
async function attempt<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (cause) {
    if (cause instanceof CofferError) throw cause
    throw new CofferError('store-failed', `the file system could not ${what}`, { cause })
  }
}
