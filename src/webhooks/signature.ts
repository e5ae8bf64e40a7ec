import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64, encodeBase64 } from '../lib/base64.ts'
import { constantTimeEqual, fromUtf8, utf8 } from '../lib/bytes.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import { parseJsonObject } from '../lib/json.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { isWebhookEvent, type WebhookEvent } from './events.ts'

/** Header fields of a message (Standard Webhooks 1.0). */
export interface WebhookHeaders extends Readonly<Record<string, string>> {
  /** Id of the message; the same in every try, so that receivers can tell what they have seen. */
  readonly 'webhook-id': string
  /** When this try was made, epoch seconds. */
  readonly 'webhook-timestamp': string
  /** `v1,<base64>` for each secret, separated by spaces. */
  readonly 'webhook-signature': string
}

/** Header fields as a receiver has them: `request.headers` of `fetch` or of Node. */
export type ReceivedHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** Options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions {
  /** How far the sender's clock may be off, and how old a message may be, milliseconds. Default 300 000. */
  readonly toleranceMs?: number
  /** Where the time comes from. Default: the machine. */
  readonly clock?: Clock
}

const PREFIX = 'whsec_'
const VERSION = 'v1'
const SECRET_BYTES = 32
const TOLERANCE_MS = 300_000

/** Makes a secret: `whsec_` and 256 random bits in base64. */
export function createWebhookSecret(random: Random): string {
  return PREFIX + encodeBase64(random(SECRET_BYTES))
}

/** Signs one try of a message with every secret that receivers may have. */
export function signWebhook(
  id: string,
  at: number,
  body: string,
  secrets: readonly string[],
): WebhookHeaders {
  const timestamp = String(Math.floor(at / 1000))
  const signed = signedBytes(id, timestamp, utf8(body))
  const signatures = secrets.map((secret) => `${VERSION},${signatureOf(signed, secret)}`)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

/**
 * Checks a message that was received (Standard Webhooks 1.0) and returns its event. The same event can arrive more than
 * once: the `webhook-id` field tells, once the message is verified.
 *
 * @param body - The body as it was received: parsing and writing it again changes its bytes.
 * @param secret - The endpoint's secret, `whsec_…`; several while one replaces another.
 * @throws CofferError `invalid-webhook` when the message is not authentic, not of this time, or not an event;
 * `invalid-option` for a secret that is none.
 *
 * @example
 * ```ts
 * const event = verifyWebhook(await request.text(), request.headers, process.env.WEBHOOK_SECRET!)
 * if (event.type === 'payment.settled') await book(event.data)
 * ```
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: ReceivedHeaders,
  secret: string | readonly string[],
  options: VerifyWebhookOptions = {},
): WebhookEvent {
  refuseUnknownOptions(options, ['toleranceMs', 'clock'], 'verifyWebhook')
  const { toleranceMs = TOLERANCE_MS, clock = systemClock } = options
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(secrets) || secrets.length === 0) invalidOption('secret', 'at least one secret')

  const id = field(headers, 'webhook-id')
  const timestamp = field(headers, 'webhook-timestamp')
  const signatures = field(headers, 'webhook-signature').split(' ')
  checkTime(timestamp, clock(), toleranceMs)
  const bytes = typeof body === 'string' ? utf8(body) : body
  const signed = signedBytes(id, timestamp, bytes)
  const expected = secrets.map((secret) => `${VERSION},${signatureOf(signed, secret)}`)
  let matches = false
  for (const signature of signatures) {
    for (const right of expected) matches = constantTimeEqual(signature, right) || matches
  }
  if (!matches) refuseWebhook('no signature matches')

  const event = parseJsonObject(fromUtf8(bytes) ?? '')
  return isWebhookEvent(event) ? event : refuseWebhook('the body is not an event')
}

function field(headers: ReceivedHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : fieldOfRecord(headers, name)
  return typeof value === 'string' && value !== '' ? value : refuseWebhook(`there is no ${name}`)
}

/** Not by its class: every implementation of `fetch` has a class of its own. */
function isHeaders(headers: ReceivedHeaders): headers is Headers {
  return typeof headers.get === 'function'
}

function fieldOfRecord(headers: Exclude<ReceivedHeaders, Headers>, name: string): unknown {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
}

/** Compared in whole seconds, which is all that the sender's timestamp has. */
function checkTime(timestamp: string, now: number, toleranceMs: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) refuseWebhook('webhook-timestamp is not a number of seconds')
  const age = (Math.floor(now / 1000) - Number(timestamp)) * 1000
  if (Math.abs(age) > toleranceMs) refuseWebhook(`webhook-timestamp is too ${age > 0 ? 'old' : 'new'}`)
}

function signedBytes(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  const head = utf8(`${id}.${timestamp}.`)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

function signatureOf(signed: Uint8Array, secret: string): string {
  return encodeBase64(hmac(sha256, keyOf(secret), signed))
}

/** Standard Webhooks asks for 24 to 64 bytes; the prefix may be missing. */
function keyOf(secret: string): Uint8Array {
  const key = decodeBase64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret)
  if (key === null || key.length < 24 || key.length > 64)
    invalidOption('secret', 'whsec_ and 24 to 64 bytes in base64')
  return key
}

function refuseWebhook(why: string): never {
  throw new CofferError('invalid-webhook', `the webhook is refused: ${why}`)
}
