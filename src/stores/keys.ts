import type { Range } from './store.ts'

/** Every key that Coffer writes. */
export const keys = {
  /** The payment record. */
  payment: (id: string): string => `payment/${id}`,
  /** What the keys of the order of payments by time begin with. */
  paymentsByTime: 'payment-at/',
  /** A payment by the instant of its claim: `{ payment: 'pay_…', protocol, route }`. */
  paymentAt: (at: number, id: string): string => `payment-at/${instant(at)}/${id}`,
  /** Which payment spent a proof: `{ payment: 'pay_…' }`. */
  proof: (proof: string): string => `proof/${proof}`,
  /** Which payment a credential made, by the SHA-256 of its text: `{ payment: 'pay_…' }`. */
  credential: (hash: string): string => `credential/${hash}`,
  /** Which payment an idempotency key belongs to, by the SHA-256 of payer and key: `{ payment: 'pay_…' }`. */
  idempotency: (hash: string): string => `idempotency/${hash}`,
  /** A session, by the SHA-256 of its id. */
  session: (hash: string): string => `session/${hash}`,
  /** Which session the payment of a transaction opened: `{ session: '…' }`. */
  sessionOf: (transaction: string): string => `session-of/${transaction}`,
  /** The answer that a payment bought, for as long as it can be had again. */
  result: (payment: string): string => `result/${payment}`,
  /** A payment whose answer was given before its money moved: `{ usd }`. */
  unsettled: (payment: string): string => `unsettled/${payment}`,
  /** Written by every claim of such a payment, so that they cannot exceed the limit together. */
  exposure: 'exposure',
  /** A job of the outbox that is due at an instant; in order of time within its lane. */
  due: (lane: Lane, at: number, id: string): string => `due/${lane}/${instant(at)}/${id}`,
  /** A job that was given up. */
  dead: (id: string): string => `dead/${id}`,
  /** A webhook endpoint. */
  webhook: (id: string): string => `webhook/${id}`,
  /** What became of an event at an endpoint; ids begin with the endpoint's and go on with the time. */
  delivery: (id: string): string => `delivery/${id}`,
  /** A vault, or what is left of one: its tombstone. */
  vault: (id: string): string => `vault/${id}`,
  /** A vault that counts as active: `{}`, for as long as it does. */
  activeVault: (id: string): string => `vault-active/${id}`,
  /** A vault that counts as persisted: `{}`. */
  persistedVault: (id: string): string => `vault-persisted/${id}`,
  /** Written with every vault that is added to a limited number, so that two cannot both take the last place. */
  vaultCount: 'vault-count',
  /** `{ bytes }` of all documents and files; kept only while they are limited. */
  vaultBytes: 'vault-bytes',
  /** What the keys of all uploads begin with. */
  vaultUploads: 'vault-upload/',
  /** Bytes on their way into a vault, by the name of their blob: room that is held for them until they are in. */
  vaultUpload: (vault: string, blob: string): string => `vault-upload/${vault}/${blob}`,
  /** What the keys of all documents of a vault begin with. */
  documents: (vault: string): string => `vault-document/${vault}/`,
  /** A document, by its number within the vault. */
  document: (vault: string, number: number): string => keys.documents(vault) + ordinal(number),
  /** What the keys of all files of a vault begin with. */
  files: (vault: string): string => `vault-file/${vault}/`,
  /** A file, by its number within the vault. */
  file: (vault: string, number: number): string => keys.files(vault) + ordinal(number),
  /** What the keys of all events of a vault begin with. */
  vaultEvents: (vault: string): string => `vault-event/${vault}/`,
  /** An event, by its number within the vault. */
  vaultEvent: (vault: string, number: number): string => keys.vaultEvents(vault) + ordinal(number),
  /** An access token that was not revoked, by the id that it carries. */
  accessToken: (vault: string, id: string): string => `vault-token/${vault}/${id}`,
} as const

/** All payments whose answer was given before their money moved. */
export const allUnsettled: Range = { start: 'unsettled/', end: 'unsettled0' }

/**
 * Jobs that wait for each other's place. Those that talk to servers of anybody have a lane of their own, so that slow
 * receivers hold up no settlement.
 */
export type Lane = 'own' | 'foreign'

/** All jobs of a lane that are due by now. */
export function dueUntil(lane: Lane, now: number): Range {
  return { start: `due/${lane}/`, end: `due/${lane}/${instant(now + 1)}` }
}

/** Epoch milliseconds in an order that text has: 15 digits last until the year 33658. */
export const instant = (at: number): string => Math.max(0, Math.floor(at)).toString().padStart(15, '0')

/** A number from 1 in an order that text has. */
export const ordinal = (number: number): string => number.toString().padStart(12, '0')
