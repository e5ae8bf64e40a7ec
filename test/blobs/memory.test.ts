import { describe, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { blobContract } from '../../src/testing/blob-contract.ts'

blobContract({ describe, it }, memoryBlobs)
