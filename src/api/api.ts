import type { Sessions } from '../sessions/sessions.ts'
import type { PaymentLog } from '../settlement/payment-log.ts'
import type { Vaults } from '../vaults/vaults.ts'
import type { WebhookEndpoints } from '../webhooks/webhooks.ts'
import { accessTokenRoutes } from './access-token-routes.ts'
import { keyGuard } from './api-keys.ts'
import type { Discovery } from './discovery.ts'
import { discoveryRoutes } from './discovery-routes.ts'
import { documentRoutes } from './document-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { fileRoutes } from './file-routes.ts'
import { manifestRoutes } from './manifest-routes.ts'
import { paymentRoutes } from './payment-routes.ts'
import type { ApiRoute } from './route.ts'
import { createRouter, type RouterOptions } from './router.ts'
import { sessionRoutes } from './session-routes.ts'
import { vaultGuards } from './vault-guard.ts'
import { vaultRoutes } from './vault-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

/** What the API is made of. */
export interface ApiParts {
  readonly sessions: Pick<Sessions, 'get' | 'revoke'>
  readonly payments: PaymentLog
  /** `null` when the configuration has none: then there are no routes of them. */
  readonly webhooks: WebhookEndpoints | null
  /** `null` when the configuration has none: then there are no routes of them. */
  readonly vaults: Vaults | null
  /** Bearer keys that let an operator in. */
  readonly apiKeys: readonly string[]
  readonly discovery: Discovery
  /** Origin that clients know the service by; `null` for that of the request. */
  readonly origin: string | null
}

/** What {@link createApi} takes. */
export type ApiOptions = ApiParts & Omit<RouterOptions, 'routes'>

/** The HTTP API: answers every request, and never throws. */
export function createApi(options: ApiOptions): (request: Request) => Promise<Response> {
  return createRouter({ ...options, routes: apiRoutes(options) })
}

/** The table of all routes. */
function apiRoutes(parts: ApiOptions): readonly ApiRoute[] {
  const { apiKeys, sessions, payments, webhooks, vaults, discovery, origin, basePath } = parts
  const guard = keyGuard(apiKeys)
  const routes: readonly ApiRoute[] = [
    ...sessionRoutes(sessions, guard),
    ...paymentRoutes(payments, guard),
    ...(webhooks ? webhookRoutes(webhooks, guard) : []),
    ...(vaults ? routesOfVaults(vaults, parts) : []),
    ...discoveryRoutes({ discovery, origin, basePath, routes: () => routes }),
  ]
  return routes
}

function routesOfVaults(
  vaults: Vaults,
  { apiKeys, origin, basePath, onError }: Omit<ApiOptions, 'vaults'>,
): readonly ApiRoute[] {
  const { core } = vaults
  const guards = vaultGuards(keyGuard(apiKeys), core.tokens)
  return [
    ...vaultRoutes(vaults, guards),
    ...manifestRoutes({ core, guards, basePath, origin }),
    ...documentRoutes(core, guards),
    ...fileRoutes(core, guards),
    ...eventRoutes(core, guards, onError),
    ...accessTokenRoutes(core, guards),
  ]
}
