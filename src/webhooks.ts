/** Webhooks for {@link createCoffer}. */
export type { Delivery, DeliveryAttempt } from './webhooks/delivery.ts'
export type { DeliveryList, DeliveryPage } from './webhooks/delivery-log.ts'
export type { Endpoint, EndpointChanges, IssuedEndpoint, NewEndpoint } from './webhooks/endpoint.ts'
export type { EndpointBook } from './webhooks/endpoints.ts'
export { EVENT_TYPES, type EventType } from './webhooks/events.ts'
export { type WebhooksOptions, webhooks } from './webhooks/index.ts'
export type { Answer, Post, Sender } from './webhooks/post.ts'
export type { WebhookEndpoints, Webhooks, WebhooksEnvironment, WebhooksFactory } from './webhooks/webhooks.ts'
