import type { Discovery, PricedRoute } from '../api/discovery.ts'
import { templateOf } from '../api/path-template.ts'
import { isJsonObject } from '../lib/json.ts'
import { type Price, parsePrice } from '../payments/amount.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { DiscoveryOptions, PublishedRoute } from './options.ts'
import { readRoute } from './route.ts'
import type { Settings } from './settings.ts'

const ROUTE_NAME = /^(GET|POST|PUT|PATCH|DELETE) (\/[!-~]*)$/

/** Stands for a price that is not known without a request: what is written is the way to pay, without an amount. */
const UNKNOWN: Price = parsePrice('0')

/**
 * Checks what is told of a service before any request.
 *
 * @throws CofferError `invalid-option`, also for the options of a route.
 */
export function readDiscovery(options: DiscoveryOptions = {}, settings: Settings): Discovery {
  refuseUnknownOptions(options, ['title', 'version', 'routes'], 'discovery')
  const { title = 'A paid API', version = '1.0.0', routes = {} } = options
  return {
    title: line('discovery.title', title),
    version: line('discovery.version', version),
    routes: Object.entries(routes).map(([name, route]) => readPublished(name, route, settings)),
  }
}

function readPublished(name: string, published: PublishedRoute, settings: Settings): PricedRoute {
  const found = ROUTE_NAME.exec(name)
  if (found === null) return invalidOption('discovery.routes', "names such as 'GET /report'", name)
  const [, method = '', path = ''] = found
  const { summary, openapi = {}, ...options } = published
  if (!isJsonObject(openapi)) invalidOption(`discovery.routes[${name}].openapi`, 'an object', openapi)
  const { price, description, wallet } = readRoute(options, settings)
  const fixed = typeof price === 'function' ? null : price
  const terms = { price: fixed ?? UNKNOWN, recipient: wallet.recipient, description }
  return {
    // The expression has no other methods.
    method: method as PricedRoute['method'],
    path: templateOf(path),
    summary: summary === undefined ? null : line(`discovery.routes[${name}].summary`, summary),
    description,
    price: fixed?.text ?? null,
    offers: settings.protocols.flatMap((protocol) => protocol.offers(terms)),
    operation: openapi,
  }
}

/** What stands in a heading of the document for agents must not begin another line. */
function line(option: string, text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are refused
  const isLine = typeof text === 'string' && text.isWellFormed() && /^[^\x00-\x1f\x7f]+$/.test(text)
  return isLine ? text : invalidOption(option, 'a line of text', text)
}
