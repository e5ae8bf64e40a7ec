import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { s3Blobs } from '../../src/blobs/s3.ts'
import { type S3Stub, startS3Stub } from '../blobs/s3-stub.ts'
import { createWorld, HOUR } from './world.ts'

const MIB = 2 ** 20
const PATIENCE = { timeout: 60_000 }

let stub: S3Stub
beforeAll(async () => {
  stub = await startS3Stub()
})
beforeEach(() => stub.reset())
afterAll(() => stub?.stop())

/** So many MiB, and then what `end` does. */
function body(
  mib: number,
  end: (controller: ReadableStreamDefaultController) => void,
): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent++ < mib) controller.enqueue(new Uint8Array(MIB).fill(sent))
      else end(controller)
    },
  })
}

it('a file of a vault is an object of the bucket, until it is deleted', PATIENCE, async () => {
  const { vaults, work } = createWorld({ blobs: s3Blobs(stub.options) })
  const vault = await vaults.create()
  const { id, size } = await vault.addFile({ body: body(7, (controller) => controller.close()) })
  expect([size, stub.keys().length]).toEqual([7 * MIB, 1])
  const read = await new Response(
    (await vault.openFile(id, { start: 6 * MIB, end: 6 * MIB + 9 })).body,
  ).bytes()
  expect([...read]).toEqual(Array(10).fill(7))
  await vault.deleteFile(id)
  await work()
  expect([stub.keys(), stub.uploads()]).toEqual([[], []])
})

it(
  'an upload that its client broke off leaves nothing in the bucket, and no room taken',
  PATIENCE,
  async () => {
    const { vaults, rows } = createWorld({ blobs: s3Blobs(stub.options), limits: { storageBytes: 20 * MIB } })
    const vault = await vaults.create()
    const gone = new Error('the client is gone')
    await expect(vault.addFile({ body: body(7, (controller) => controller.error(gone)) })).rejects.toBe(gone)
    expect([stub.keys(), stub.uploads()]).toEqual([[], []])
    expect(await rows('vault-upload/')).toEqual([])
    await vault.addFile({ body: body(19, (controller) => controller.close()) })
  },
)

it('an upload of a process that is gone is ended by the outbox of another', PATIENCE, async () => {
  const { vaults, work, time } = createWorld({ blobs: s3Blobs(stub.options) })
  const vault = await vaults.create()
  const partStored = Promise.withResolvers<void>()
  // It goes silent, as a killed process does.
  const silent = vault.addFile({ body: body(7, () => partStored.resolve()) })
  await partStored.promise
  await expect.poll(() => stub.uploads().length).toBe(1)
  time.now += HOUR
  await work()
  expect([stub.keys(), stub.uploads()]).toEqual([[], []])
  void silent.catch(() => {})
})
