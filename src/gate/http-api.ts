import { toResponse } from '../lib/message.ts'
import { invalidOption } from '../problems/error.ts'
import type { PaymentLog } from '../settlement/payment-log.ts'
import { crossOriginFields, preflight } from './cross-origin.ts'
import { readDiscovery } from './discovery.ts'
import type { CofferOptions } from './options.ts'
import type { Settings } from './settings.ts'

/** Short keys can be guessed; what is longer has as much entropy as its maker gave it. */
const API_KEY = /^[A-Za-z0-9._~+/-]{32,512}=*$/
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*$/

/**
 * Binds the HTTP API to a configuration.
 *
 * @throws CofferError `invalid-option`. Never shows a key.
 */
export function openApi(
  options: CofferOptions,
  settings: Settings,
  payments: PaymentLog,
): (request: Request) => Promise<Response> {
  const { problemBase, onError, publicUrl, sessions, webhooks, vaults } = settings
  const parts = {
    sessions,
    payments,
    webhooks,
    vaults,
    apiKeys: readKeys(options.apiKeys ?? []),
    basePath: readBasePath(options.basePath ?? '/'),
    discovery: readDiscovery(options.discovery, settings),
    origin: publicUrl?.origin ?? null,
    problemBase,
    onError,
    crossOrigin: (request: Headers) => crossOriginFields(request, settings),
    preflight: (request: Headers) => toResponse(preflight(request, settings)),
  }
  // Loaded when it is first asked: a server that only charges needs none of it.
  let api: Promise<(request: Request) => Promise<Response>> | undefined
  return async (request) => {
    api ??= import('../api/api.ts').then(({ createApi }) => createApi(parts))
    // A failed load is tried again with the next request.
    const answer = await api.catch((error: unknown) => {
      api = undefined
      throw error
    })
    return answer(request)
  }
}

function readKeys(keys: readonly string[]): readonly string[] {
  if (!Array.isArray(keys)) invalidOption('apiKeys', 'a list of keys')
  for (const [index, key] of keys.entries()) {
    if (typeof key !== 'string' || !API_KEY.test(key)) {
      invalidOption(`apiKeys[${index}]`, '32 to 512 characters of A-Z a-z 0-9 . _ ~ + / -')
    }
  }
  return keys
}

function readBasePath(path: string): string {
  const base = typeof path === 'string' ? path.replace(/\/$/, '') : null
  return base !== null && BASE_PATH.test(base)
    ? base
    : invalidOption('basePath', "a path such as '/coffer'", path)
}
