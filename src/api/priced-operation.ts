import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { PricedRoute } from './discovery.ts'
import { pathParameters } from './path-template.ts'
import { problemContent } from './problem-schema.ts'

/** The OpenAPI operation of a route that is paid for, with `x-payment-info` (draft-payment-discovery-00). */
export function pricedOperation(route: PricedRoute): JsonObject {
  const { method, path, summary, description, operation } = route
  const { responses = {}, ...others } = operation
  const parameters = pathParameters(path)
  return {
    ...(summary !== null && { summary }),
    description: [description, priceText(route)].filter((text) => text !== null).join('. '),
    ...(parameters.length > 0 && { parameters }),
    ...(/^(?:POST|PUT|PATCH)$/.test(method) && { requestBody: ANY_BODY }),
    ...others,
    'x-payment-info': paymentInfo(route),
    responses: {
      200: { description: 'What was paid for' },
      ...(isJsonObject(responses) && responses),
      402: PAYMENT_REQUIRED,
    },
  }
}

/** What a route costs, in words. */
export function priceText({ price }: Pick<PricedRoute, 'price'>): string {
  return price === null ? 'The price depends on the request' : `Costs ${price} US dollars`
}

/** Advisory: the 402 itself says what has to be paid. */
function paymentInfo({ offers, price, description }: PricedRoute): JsonObject {
  if (offers.length === 0) return { intent: 'charge' }
  return {
    offers: offers.map(({ method, network, asset, amount, recipient }) => ({
      intent: 'charge',
      method,
      amount: price === null ? null : amount.toString(),
      currency: asset,
      network,
      recipient,
      ...(description !== null && { description }),
    })),
  }
}

const ANY_BODY: JsonObject = { content: { 'application/json': { schema: {} } } }

const PAYMENT_REQUIRED: JsonObject = {
  description:
    'Payment Required: PAYMENT-REQUIRED (x402 v2), the body (x402 v1) and WWW-Authenticate (MPP) say how',
  content: problemContent,
}
