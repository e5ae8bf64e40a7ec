/** Charge AI agents per request: the core, over plain `Request` and `Response`. */
export { type Caller, type Coffer, createCoffer } from './gate/coffer.ts'
export type { ChallengeLimit } from './gate/limiter.ts'
export type { Conclusion, Grant, GrantedPayment, GrantedWallet, Next } from './gate/next.ts'
export type { CofferOptions, ResultOptions, RouteOptions, WalletOptions } from './gate/options.ts'
export type { Clock } from './lib/clock.ts'
export type { Random } from './lib/id.ts'
export type { JsonObject } from './lib/json.ts'
export type { Price } from './payments/amount.ts'
export type { Payment, SettleMode } from './payments/payment.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export type { Refusal } from './problems/refusal.ts'
export type {
  Challenge,
  Charge,
  Credential,
  Environment,
  Finality,
  Protocol,
  ProtocolFactory,
  Verified,
} from './protocols/protocol.ts'
export type { Entry, Page, Range, Store, Version, Write } from './stores/store.ts'
