import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../lib/hex.ts'
import type { Json } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import type { Manifest } from '../vaults/manifest.ts'
import {
  documentDigest,
  type SignedFile,
  type SignedManifest,
  verifyManifest,
} from '../vaults/signed-manifest.ts'
import type { SellerKeys } from './vault-reader.ts'

/**
 * Checks that a vault holds what its seller has signed.
 *
 * @throws CofferError `invalid-manifest` when it is otherwise.
 */
export async function verifyVault(
  proof: string,
  keys: SellerKeys,
  held: Manifest,
  url: URL,
): Promise<SignedManifest> {
  const signed = await verifyManifest(proof, keys)
  if (signed.vault !== held.id || !url.pathname.endsWith(`/${signed.vault}`))
    return differs('it is that of another vault')
  compare(signed, held)
  return signed
}

/** Every document and file that is there was signed, and every document that was signed is there. Files may be deleted. */
function compare(signed: SignedManifest, held: Manifest): void {
  const documents = new Map(held.documents.map((document) => [document.id, document]))
  for (const { id, sha256 } of signed.documents) {
    const document = documents.get(id)
    if (document === undefined) differs(`the document ${id} is missing`)
    if (documentDigest(document.data as Json) !== sha256) differs(`the document ${id} is another`)
  }
  if (held.documents.length !== signed.documents.length) differs('there are documents that were not signed')
  const files = new Map(signed.files.map((file) => [file.id, file]))
  for (const { id, sha256, size } of held.files) {
    const file = files.get(id)
    if (file === undefined) differs(`the file ${id} was not signed`)
    if (file.sha256 !== sha256 || file.size !== size) differs(`the file ${id} is another`)
  }
}

/** Lets bytes through, and fails where it is clear that they are not those of a file. */
export function checkedBytes({
  id,
  size,
  sha256: digest,
}: Pick<SignedFile, 'id' | 'size' | 'sha256'>): TransformStream<Uint8Array, Uint8Array> {
  const hash = sha256.create()
  let length = 0
  return new TransformStream({
    transform(chunk, controller) {
      length += chunk.length
      if (length > size) differs(`the file ${id} is another`)
      hash.update(chunk)
      controller.enqueue(chunk)
    },
    flush() {
      if (length !== size || toHex(hash.digest()).slice(2) !== digest) differs(`the file ${id} is another`)
    },
  })
}

function differs(why: string): never {
  throw new CofferError('invalid-manifest', `the vault is not what was signed: ${why}`)
}
