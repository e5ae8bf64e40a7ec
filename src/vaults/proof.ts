import type { JsonObject } from '../lib/json.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Documents } from './documents.ts'
import { type Files, stubOf } from './files.ts'
import { type SignedDocument, type SignedFile, type SignedPayment, signManifest } from './signed-manifest.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { VaultBook } from './vault-book.ts'

/** Says what a payment was, for those who have to show it: chain, transaction, amount. `null` when it is unknown. */
export type DescribePayment = (id: string) => Promise<JsonObject | null>

/**
 * Signs what a sealed vault held. Nothing can be added to a sealed vault, and of a file that is deleted its record
 * stays, so the proof is made when it is asked for: it says the same every time.
 */
export type Prove = (vault: string) => Promise<string | Refusal>

/** What {@link createProver} stands on. */
export interface ProverOptions {
  readonly book: VaultBook
  readonly documents: Documents
  readonly files: Files
  readonly signingKeys: SigningKeys
  readonly describePayment: DescribePayment
}

/** Makes what proofs are made with. */
export function createProver(options: ProverOptions): Prove {
  const { book, documents, files, signingKeys, describePayment } = options

  async function paymentsOf(id: string | null): Promise<readonly SignedPayment[]> {
    return id === null ? [] : [{ ...(await describePayment(id)), id }]
  }

  return (id) =>
    book.readWhole(id, async ({ vault }): Promise<string | Refusal> => {
      const { label, summary, createdAt, sealedAt, payment, events } = vault
      if (sealedAt === null) return NOT_SEALED
      const signedDocuments: SignedDocument[] = []
      for await (const document of documents.list(id)) signedDocuments.push(document)
      const signedFiles: SignedFile[] = []
      for await (const file of files.list(id)) signedFiles.push(stubOf(file))
      const manifest = {
        vault: id,
        label,
        summary,
        createdAt,
        sealedAt,
        payments: await paymentsOf(payment),
        documents: signedDocuments,
        files: signedFiles,
        events,
      }
      return signManifest(manifest, await signingKeys.current())
    })
}

const NOT_SEALED = refuse('vault-not-sealed', 'The vault is not sealed: what it holds may still change.')
