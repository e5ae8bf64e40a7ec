/** For those who were given the signed manifest of a vault, on any runtime. */
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export {
  documentDigest,
  type SignedDocument,
  type SignedFile,
  type SignedManifest,
  type SignedPayment,
  verifyManifest,
} from './vaults/signed-manifest.ts'
