import type { BlobRange } from '../blobs/blob-store.ts'
import { granted } from '../problems/refused.ts'
import type { IssuedToken } from './access-tokens.ts'
import type { Document, DocumentStub } from './documents.ts'
import { eventsOf, type ReadOptions } from './event-reader.ts'
import type { FileStub, OpenFile } from './files.ts'
import type { Manifest } from './manifest.ts'
import type { NewFile } from './new-file.ts'
import { type VaultInfo, vaultInfo } from './vault.ts'
import type { VaultCore } from './vault-core.ts'
import type { VaultEvent } from './vault-event.ts'

/**
 * A vault to work in. Every method asks the store, so the vault may be kept and used for as long as it lives, also after
 * the answer was sent.
 *
 * Methods reject with CofferError `refused` for what the vault does not allow (its `refusal` says why: `vault-sealed`,
 * `vault-expired`, a limit), `invalid-option` for a wrong argument, `store-failed` when the store fails.
 */
export interface Vault {
  /** `vlt_…` */
  readonly id: string
  /** How it stands now. */
  info(): Promise<VaultInfo>
  /**
   * Adds whatever JSON can carry, of any size.
   *
   * @param label - Shown to people, at most 500 characters.
   */
  addDocument(data: unknown, label?: string): Promise<DocumentStub>
  getDocument(id: string): Promise<Document>
  /** Adds a file. Its body is read once, as it comes, and never kept in memory. */
  addFile(file: NewFile): Promise<FileStub>
  getFile(id: string): Promise<FileStub>
  /** Opens a file, or the part of it from `range.start` to `range.end`, both included. */
  openFile(id: string, range?: BlobRange): Promise<OpenFile>
  /** Deletes a file, also when the vault is sealed. */
  deleteFile(id: string): Promise<void>
  /**
   * Tells whoever follows the vault.
   *
   * @param type - Text of 1 to 128 characters, such as `agent.step`; not `vault.sealed`, `vault.expiring`, `vault.expired`.
   * @param payload - Whatever JSON can carry, at most 48 KiB. Default `null`.
   */
  emit(type: string, payload?: unknown): Promise<VaultEvent>
  /**
   * Follows the vault: the events there are, then those that come, each once and in order, up to its end. A loop that
   * only waits is ended by the signal.
   */
  events(options?: ReadOptions): AsyncGenerator<VaultEvent>
  /**
   * Closes the vault: nothing can be added any more.
   *
   * @param summary - Shown to people, at most 4000 characters.
   */
  seal(summary?: string): Promise<VaultInfo>
  /** Keeps the vault for good. */
  persist(): Promise<VaultInfo>
  /** The vault ends so many hours from now. */
  extend(ttlHours: number): Promise<VaultInfo>
  /** All that it holds but the bytes of files. */
  getManifest(): Promise<Manifest>
  /** What it held when it was sealed, signed: a JWS for `verifyManifest` of `coffer/manifest-verify`. */
  getProof(): Promise<string>
  /** Gives out a token that lets its holder read this vault, for an hour by default and a day at most. */
  issueAccessToken(options?: { readonly ttlSeconds?: number }): Promise<IssuedToken>
  /** Takes a token back by its id; `false` when there is none. */
  revokeAccessToken(id: string): Promise<boolean>
  /** The vault is gone at once, with all that it held. */
  delete(): Promise<void>
}

/** Makes a vault to work in. Does not ask whether there is one of this id: its methods do. */
export function createVaultHandle(id: string, core: VaultCore, now: () => number): Vault {
  const { book, documents, files, events, lifecycle, tokens } = core
  return {
    id,
    info: async () => vaultInfo(granted(await book.open(id)).vault, now()),
    addDocument: async (data, label) => granted(await documents.add(id, data, label)),
    getDocument: async (documentId) => granted(await documents.get(id, documentId)),
    addFile: async (file) => granted(await files.add(id, file)),
    getFile: async (fileId) => granted(await files.get(id, fileId)),
    openFile: async (fileId, range) => granted(await files.open(id, fileId, range)),
    async deleteFile(fileId) {
      granted(await files.delete(id, fileId))
    },
    emit: async (type, payload = null) => granted(await events.emit(id, type, payload)),
    async *events({ after, signal } = {}) {
      yield* eventsOf(granted(await core.readers.open(id, after)), signal)
    },
    seal: async (summary) => granted(await lifecycle.seal(id, summary)),
    persist: async () => granted(await lifecycle.persist(id)),
    extend: async (ttlHours) => granted(await lifecycle.extend(id, ttlHours)),
    getManifest: async () => granted(await core.readManifest(id)),
    getProof: async () => granted(await core.prove(id)),
    issueAccessToken: async ({ ttlSeconds } = {}) => granted(await tokens.issue(id, ttlSeconds)),
    revokeAccessToken: (tokenId) => tokens.revoke(id, tokenId),
    async delete() {
      granted(await lifecycle.delete(id))
    },
  }
}
