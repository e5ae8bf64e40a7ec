/** What agents and browsers use: for every runtime with `fetch`. */

export type { AttemptFilter, Spending, SpendingOf } from './client/accounts.ts'
export type { AttemptInfo, AttemptPayment, AttemptState } from './client/attempt.ts'
export type { BudgetOptions } from './client/budget.ts'
export type { PayFetchOptions } from './client/engine.ts'
export type { LimitOption } from './client/limit.ts'
export type { OfferInfo } from './client/offer-info.ts'
export { type PaidAnswer, paymentOf, type ReceiptCheck } from './client/paid-answer.ts'
export type { PayEvent } from './client/pay-event.ts'
export { type PayFetch, type PayInit, payFetch } from './client/pay-fetch.ts'
export { type AssetId, assetIdOf, type PayableAsset, stablecoins } from './client/payable-asset.ts'
export { type OfferRefusal, type OfferRefusalReason, PaymentError } from './client/payment-error.ts'
export type { PolicyOptions } from './client/policy.ts'
export type { SessionTerms } from './client/session-terms.ts'
export type { SessionInfo, SessionOptions, SessionPayment } from './client/sessions.ts'
export type { VaultEvent } from './client/vault-event.ts'
export { type VaultEventsOptions, vaultEvents } from './client/vault-events.ts'
export {
  type SellerKeys,
  type VaultDocument,
  type VaultReader,
  type VaultReaderOptions,
  vaultReader,
} from './client/vault-reader.ts'
export type { Eip1193Provider, Wallet } from './client/wallet.ts'
export type { RpcOptions } from './evm/rpc.ts'
export type { Serializer, Signer, TypedData, TypedDataField } from './evm/signer.ts'
export type { Address } from './payments/address.ts'
export type { Asset } from './payments/asset.ts'
export type { ChainId } from './payments/chain.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export type { Manifest, ManifestDocument, ManifestFile } from './vaults/manifest.ts'
export type { SignedDocument, SignedFile, SignedManifest, SignedPayment } from './vaults/signed-manifest.ts'
