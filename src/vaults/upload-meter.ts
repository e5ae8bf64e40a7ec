import { sha256 } from '@noble/hashes/sha2.js'
import type { Clock } from '../lib/clock.ts'
import { toHex } from '../lib/hex.ts'
import { invalidOption } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { refusedError } from '../problems/refused.ts'
import { HOLD_MS, type Hold } from './upload.ts'

/** Stands between a body and the blob store: counts, hashes, and lets nothing through that there is no room for. */
export interface Meter {
  readonly transform: TransformStream<Uint8Array, Uint8Array>
  /** How many bytes it has let through. */
  size(): number
  /** Of what it has let through, in lower-case hexadecimal. Asked once, at the end. */
  sha256(): string
  /** The hold as it stands now. */
  hold(): Hold
  /** Why it broke the stream off; `null` when it did not. */
  refusal(): Refusal | null
}

/** Goes on with a hold, and makes sure that it has room for so many bytes. */
export type Renew = (hold: Hold, bytes: number) => Promise<Hold | Refusal>

/** A hold is renewed when this much of it has passed. */
const RENEW_AFTER_MS = HOLD_MS / 4

/** Makes the meter of one body. */
export function createMeter(begun: Hold, maxBytes: number | null, clock: Clock, renew: Renew): Meter {
  const digest = sha256.create()
  let hold = begun
  let size = 0
  let refusal: Refusal | null = null

  function stop(why: Refusal): never {
    refusal = why
    throw refusedError(why)
  }

  async function transform(
    chunk: Uint8Array,
    controller: TransformStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    if (!(chunk instanceof Uint8Array)) invalidOption('body', 'a stream of bytes', chunk)
    const next = size + chunk.length
    if (maxBytes !== null && next > maxBytes) stop(tooLarge(maxBytes))
    if (next > hold.upload.bytes || clock() >= hold.expiresAt - HOLD_MS + RENEW_AFTER_MS) {
      const renewed = await renew(hold, next)
      if (isRefusal(renewed)) stop(renewed)
      hold = renewed
    }
    digest.update(chunk)
    size = next
    controller.enqueue(chunk)
  }

  return {
    transform: new TransformStream({ transform }),
    size: () => size,
    sha256: () => toHex(digest.digest()).slice(2),
    hold: () => hold,
    refusal: () => refusal,
  }
}

/** Why a file is not taken. */
export function tooLarge(maxBytes: number): Refusal {
  return refuse('file-too-large', 'The file is too large.', { expected: `at most ${maxBytes} bytes` })
}
