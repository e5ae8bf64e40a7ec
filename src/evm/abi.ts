import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../lib/bytes.ts'
import { fromHex, type Hex, isHex, toHex } from '../lib/hex.ts'

/**
 * The little of the contract ABI that payments need, so that checking one loads no chain library. Values are 32-byte
 * words; numbers and addresses are right-aligned.
 */

const WORD = 64

/** One argument: a number, or an address or 32 bytes in hexadecimal. */
export type Argument = bigint | Hex

/** A word without `0x`. */
export function word(value: Argument): string {
  return (typeof value === 'bigint' ? value.toString(16) : value.slice(2).toLowerCase()).padStart(WORD, '0')
}

/** Words as bytes. */
export function wordsBytes(values: readonly Argument[]): Uint8Array {
  return fromHex(`0x${values.map(word).join('')}`)
}

/** Call data of a function whose arguments are all words. */
export function encodeCall(selector: Hex, args: readonly Argument[]): Hex {
  return `${selector}${args.map(word).join('')}` as Hex
}

/** Call data of a function whose last argument is `bytes`, and all before it words. */
export function encodeBytesCall(selector: Hex, args: readonly Argument[], bytes: Hex): Hex {
  const size = (bytes.length - 2) / 2
  const padded = bytes.slice(2).padEnd(Math.ceil(size / 32) * WORD, '0')
  return `${encodeCall(selector, [...args, BigInt(32 * (args.length + 1)), BigInt(size)])}${padded}` as Hex
}

/** The words of returned data or of a log; `null` when the value is not whole words of hexadecimal. */
export function decodeWords(value: unknown): readonly bigint[] | null {
  if (!isHex(value) || (value.length - 2) % WORD !== 0) return null
  return (value.slice(2).match(/.{64}/g) ?? []).map((text) => BigInt(`0x${text}`))
}

/** A JSON-RPC quantity. */
export function quantity(value: bigint): Hex {
  return `0x${value.toString(16)}`
}

/** Reads a JSON-RPC quantity; `null` for anything else. */
export function parseQuantity(value: unknown): bigint | null {
  return typeof value === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(value) ? BigInt(value) : null
}

/** First four bytes of the hash of a function's signature. */
export function selectorOf(signature: string): Hex {
  return toHex(keccak_256(utf8(signature)).subarray(0, 4))
}

/** First topic of an event's logs: the hash of its signature. */
export function topicOf(signature: string): Hex {
  return toHex(keccak_256(utf8(signature)))
}

/** An indexed argument as it stands in a log. */
export function topic(value: Argument): Hex {
  return `0x${word(value)}`
}
