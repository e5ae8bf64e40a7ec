/** Charge AI agents per request: the core, over plain `Request` and `Response`. */
export { type Caller, type Coffer, createCoffer } from './gate/coffer.ts'
export type { Grant, Granted, GrantedPayment, GrantedSession, GrantedWallet } from './gate/grant.ts'
export type { ChallengeLimit } from './gate/limiter.ts'
export type { Conclusion, Next } from './gate/next.ts'
export type {
  CofferOptions,
  DiscoveryOptions,
  PublishedRoute,
  ResultOptions,
  RouteName,
  RouteOptions,
  SessionOptions,
  WalletOptions,
} from './gate/options.ts'
export type { RequestHead } from './gate/request-head.ts'
export type {
  HookEvent,
  HookFacts,
  HookType,
  JobFacts,
  PaymentFacts,
  RequestFacts,
  SessionFacts,
  VaultFacts,
  WebhookFacts,
} from './hooks/events.ts'
export type { Hook, Hooks } from './hooks/hooks.ts'
export type { Logger } from './hooks/logger.ts'
export type { Clock } from './lib/clock.ts'
export type { Random } from './lib/id.ts'
export type { JsonObject } from './lib/json.ts'
export type { Answer, Fields, HeaderField } from './lib/message.ts'
export type { Price } from './payments/amount.ts'
export type { Payment, SettleMode } from './payments/payment.ts'
export type { PaymentInfo, PaymentStatus } from './payments/payment-info.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export type { Refusal } from './problems/refusal.ts'
export type {
  Challenge,
  Charge,
  Credential,
  Environment,
  Finality,
  Offer,
  Protocol,
  ProtocolFactory,
  Terms,
  Verified,
} from './protocols/protocol.ts'
export type {
  PaymentFilter,
  PaymentList,
  PaymentLog,
  PaymentSummary,
  SummaryFilter,
} from './settlement/payment-log.ts'
export type { RouteRevenue } from './settlement/revenue.ts'
export type { Entry, Page, Range, Store, Version, Write } from './stores/store.ts'
export type { Attributes, Operation, OperationName, Span, Tracer } from './tracing/tracer.ts'
export { type Limits, plans } from './vaults/limits.ts'
export type { Vault } from './vaults/vault-handle.ts'
export type { VaultShelf } from './vaults/vaults.ts'
