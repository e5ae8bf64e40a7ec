import { toHex } from '../lib/hex.ts'
import type { Random } from '../lib/id.ts'
import { invalidOption } from '../problems/error.ts'

const NAME = /^[0-9a-f]{32}$/

/** A new name: 128 random bits in lower-case hexadecimal, which every file system can tell apart. */
export function createBlobName(random: Random): string {
  return toHex(random(16)).slice(2)
}

/** @throws CofferError `invalid-option` for whatever cannot be a name, and so might be a path. */
export function checkBlobName(name: string): void {
  if (!NAME.test(name)) invalidOption('name', '32 hexadecimal digits')
}
