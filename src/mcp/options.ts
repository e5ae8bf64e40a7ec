import { CofferError, type PayableAsset, type PayFetch, stablecoins } from '../client.ts'
import type { HttpAccess } from './access.ts'

/** What {@link createMcp} takes. */
export interface McpOptions {
  /** Pays. Its budget and policy hold for every tool; what is to last lasts in its store. */
  readonly pay: PayFetch
  /** The tokens that `pay` pays with, when its policy names some: what `max_payment` limits. Default: `stablecoins`. */
  readonly assets?: readonly PayableAsset[]
  /**
   * Origins that tools may talk to, such as `https://api.example.com`; then no redirect is followed. Default: every one, and
   * so whatever this machine can reach.
   */
  readonly origins?: readonly string[]
  /** How long a session is used when a call does not say, seconds, 60 to 2 592 000. Default 3600. */
  readonly sessionTtl?: number
  /** Who may use it over HTTP. Default: programs on this machine. */
  readonly http?: HttpAccess
  /** What sends the requests of the vault tools. Default: the runtime's `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** Told of what went wrong that no tool can explain. Default: nobody. */
  readonly onError?: (error: unknown) => void
}

/** {@link McpOptions}, complete: what tools work with. */
export interface Desk {
  readonly pay: PayFetch
  readonly assets: readonly PayableAsset[]
  /** Whether tools may talk to a URL. */
  reaches(url: URL): boolean
  /** Whether they go where servers send them. */
  readonly redirect: 'follow' | 'manual'
  readonly sessionTtl: number
  readonly fetch: typeof globalThis.fetch
  onError(error: unknown): void
}

const NAMES = ['pay', 'assets', 'origins', 'sessionTtl', 'http', 'fetch', 'onError']

/** @throws CofferError `invalid-option`. */
export function readMcpOptions(options: McpOptions): Desk {
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name))
  if (unknown !== undefined) invalid(unknown, `one of ${NAMES.join(', ')}`)
  const { pay, assets = stablecoins, origins, sessionTtl = 3600, onError = () => {} } = options
  if (typeof pay !== 'function') invalid('pay', 'what payFetch returns')
  if (!Number.isInteger(sessionTtl) || sessionTtl < 60 || sessionTtl > 2_592_000) {
    invalid('sessionTtl', 'seconds, a whole number from 60 to 2592000')
  }
  if (origins?.some((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)) {
    invalid('origins', 'origins such as https://api.example.com')
  }
  const send = options.fetch ?? globalThis.fetch
  return {
    pay,
    assets,
    reaches: ({ origin, protocol }) =>
      /^https?:$/.test(protocol) && (origins === undefined || origins.includes(origin)),
    redirect: origins === undefined ? 'follow' : 'manual',
    sessionTtl,
    fetch: (input, init) => send(input, init),
    onError(error) {
      try {
        onError(error)
      } catch {
        // A listener is not to come between a call and its answer.
      }
    },
  }
}

/** @throws CofferError `invalid-option`. */
export function invalid(option: string, expected: string): never {
  throw new CofferError('invalid-option', `mcp.${option}: expected ${expected}`)
}
