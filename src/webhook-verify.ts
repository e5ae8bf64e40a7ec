/** For those who receive webhooks, on any runtime. */
export type { Clock } from './lib/clock.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export { EVENT_TYPES, type EventType, type WebhookEvent } from './webhooks/events.ts'
export {
  type ReceivedHeaders,
  type VerifyWebhookOptions,
  verifyWebhook,
} from './webhooks/signature.ts'
