import type { JWK } from 'jose'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Manifest, ManifestDocument } from '../vaults/manifest.ts'
import type { SignedFile, SignedManifest } from '../vaults/signed-manifest.ts'
import { authorization, type VaultToken, vaultUrl } from './vault-access.ts'
import type { VaultEvent } from './vault-event.ts'
import { type VaultEventsOptions, vaultEvents } from './vault-events.ts'

/** Options of {@link vaultReader}. */
export interface VaultReaderOptions {
  /** Access token of the vault; or a function that is asked for one with every request. */
  readonly token: VaultToken
  /** What sends the requests. Default: the runtime's `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** A document of a vault. */
export interface VaultDocument extends ManifestDocument {
  /** Bytes of its canonical JSON (RFC 8785). */
  readonly size: number
  /** Of its canonical JSON, in lower-case hexadecimal. */
  readonly sha256: string
}

/** Public keys of a seller (RFC 7517 section 5). */
export interface SellerKeys {
  readonly keys: readonly JWK[]
}

/**
 * Reads a vault over HTTP. All reject with CofferError `refused` when the server refuses, `invalid-answer` when it answers
 * something else than was asked for.
 */
export interface VaultReader {
  /** All that the vault holds but the bytes of its files. */
  manifest(): Promise<Manifest>
  document(id: string): Promise<VaultDocument>
  /**
   * A file, as it comes: read its body, or cancel it.
   *
   * @param range - `bytes=0-499`, for a part of it.
   */
  file(id: string, range?: string): Promise<Response>
  /** Follows the vault; see {@link vaultEvents}. */
  events(options?: Pick<VaultEventsOptions, 'after' | 'signal'>): AsyncGenerator<VaultEvent, void, undefined>
  /** What a sealed vault held, as its seller has signed it: keep it, with the seller's keys. */
  proof(): Promise<string>
  /**
   * Checks that a sealed vault holds what its seller has signed: every document that is read here, every file by what is
   * said of it. The bytes of a file are checked by {@link VaultReader.verifiedFile}.
   *
   * @param keys - Of the seller, best kept from before. Default: those that the server publishes now.
   * @throws CofferError `invalid-manifest` when it is otherwise.
   */
  verify(keys?: SellerKeys): Promise<SignedManifest>
  /** The bytes of a file of a verified manifest. The stream fails with `invalid-manifest` where it ends as another file. */
  verifiedFile(file: Pick<SignedFile, 'id' | 'size' | 'sha256'>): Promise<ReadableStream<Uint8Array>>
}

/**
 * Reads a vault with an access token, wherever there is `fetch`.
 *
 * ```ts
 * const reader = vaultReader('https://api.example.com/vaults/vlt_…', { token })
 * const { documents, files } = await reader.verify()
 * ```
 *
 * @param url - Of the vault.
 * @throws CofferError `invalid-option`.
 */
export function vaultReader(url: string | URL, options: VaultReaderOptions): VaultReader {
  refuseUnknownOptions(options, ['token', 'fetch'], 'vaultReader')
  const { token, fetch = globalThis.fetch } = options
  vaultUrl(url, '')

  /** An answer of 200 or 206. A redirect is none: it would take the token along. */
  async function get(target: URL, fields: Readonly<Record<string, string>> = {}): Promise<Response> {
    const answer = await fetch(new Request(target, { headers: fields, redirect: 'manual' }))
    if (answer.status >= 400) {
      const { refusedBy } = await import('./refused-answer.ts')
      throw await refusedBy(answer)
    }
    return answer.status === 200 || answer.status === 206 ? answer : unexpected(answer)
  }

  async function read(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Response> {
    return get(vaultUrl(url, path), { authorization: await authorization(token), ...fields })
  }

  async function readJson(answer: Response): Promise<JsonObject> {
    const value: unknown = await answer.json().catch(() => null)
    return isJsonObject(value) ? value : unexpected(answer)
  }

  const manifest = async (): Promise<Manifest> => {
    const value = await readJson(await read('/manifest'))
    const lists = [value['documents'], value['files']]
    const isWhole = lists.every((list) => Array.isArray(list) && list.every(isJsonObject))
    return isWhole ? (value as unknown as Manifest) : unexpected()
  }

  async function proof(): Promise<string> {
    const target = vaultUrl(url, '/manifest')
    target.search = 'proof'
    return (await get(target, { authorization: await authorization(token) })).text()
  }

  return {
    manifest,
    proof,
    async document(id) {
      const value = await readJson(await read(`/documents/${encodeURIComponent(id)}`))
      return 'data' in value && typeof value['sha256'] === 'string'
        ? (value as unknown as VaultDocument)
        : unexpected()
    },
    file: (id, range) => read(`/files/${encodeURIComponent(id)}`, range === undefined ? {} : { range }),
    events: (more = {}) => vaultEvents(url, { ...more, ...options }),

    async verify(keys) {
      const { verifyVault } = await import('./signed-vault.ts')
      const jwks = keys ?? (await readKeys(await get(new URL('/.well-known/jwks.json', vaultUrl(url, '')))))
      return verifyVault(await proof(), jwks, await manifest(), vaultUrl(url, ''))
    },

    async verifiedFile({ id, size, sha256 }) {
      const { body } = await read(`/files/${encodeURIComponent(id)}`)
      if (body === null) return unexpected()
      const { checkedBytes } = await import('./signed-vault.ts')
      return body.pipeThrough(checkedBytes({ id, size, sha256 }))
    },
  }

  async function readKeys(answer: Response): Promise<SellerKeys> {
    const { keys } = await readJson(answer)
    return Array.isArray(keys) ? { keys: keys as readonly JWK[] } : unexpected(answer)
  }
}

function unexpected(answer?: Response): never {
  const status = answer === undefined ? '' : ` (${answer.status})`
  throw new CofferError('invalid-answer', `the server answered something else than was asked for${status}`)
}
