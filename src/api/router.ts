import { CofferError } from '../problems/error.ts'
import { problemResponse } from '../problems/problem.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { ApiRoute, Params } from './route.ts'

/** What {@link createRouter} stands on. */
export interface RouterOptions {
  readonly routes: readonly ApiRoute[]
  /** What all paths begin with: empty, or `/coffer`. */
  readonly basePath: string
  /** What the `type` of problems begins with. */
  readonly problemBase: string
  /** Fields of an answer to this request, for scripts of other origins. */
  readonly crossOrigin: (request: Headers) => Iterable<readonly [name: string, value: string]>
  /** Answers `OPTIONS`. */
  readonly preflight: (request: Headers) => Response
  /** Told of what no caller sees: why a request was answered 500. */
  readonly onError: (error: unknown) => void
}

interface Match {
  readonly route: ApiRoute
  readonly params: Params
}

/** Answers requests from a table of routes. Never throws: what goes wrong is a problem. */
export function createRouter(options: RouterOptions): (request: Request) => Promise<Response> {
  const { basePath, problemBase, crossOrigin, preflight, onError } = options
  const table = options.routes.map((route) => ({ route, pattern: patternOf(route, basePath) }))

  function matching(path: string): readonly Match[] {
    return table.flatMap(({ route, pattern }) => {
      const params = paramsOf(pattern.exec(path))
      return params === null ? [] : [{ route, params }]
    })
  }

  async function answer(request: Request): Promise<Response> {
    const matches = matching(new URL(request.url).pathname)
    if (matches.length === 0) return problem(NOT_FOUND)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const match = matches.find(({ route }) => route.method === method)
    if (match === undefined) return notAllowed(matches)
    const { route, params } = match
    const result = await route.run(request, params)
    return isRefusal(result) ? problem(result) : result
  }

  function notAllowed(matches: readonly Match[]): Response {
    const methods = new Set(matches.map(({ route }) => route.method))
    const allowed = [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
    const more = { expected: allowed, headers: { allow: allowed } }
    return problem(refuse('method-not-allowed', 'This path has no such method.', more))
  }

  const problem = (refusal: Refusal): Response => problemResponse(refusal, problemBase)

  /** What a handler hands on is the client's, so that an option that is wrong is its mistake. */
  function failed(error: unknown): Response {
    if (error instanceof CofferError && error.refusal !== null) return problem(error.refusal)
    if (error instanceof CofferError && error.code === 'invalid-option') {
      return problem(refuse('bad-request', error.message))
    }
    onError(error)
    return problem(INTERNAL_ERROR)
  }

  return async (request) => {
    if (request.method === 'OPTIONS') return preflight(request.headers)
    const answered = await answer(request).catch(failed)
    if (request.method === 'HEAD') await answered.body?.cancel()
    // A copy: the fields of a response may be immutable.
    const response = new Response(request.method === 'HEAD' ? null : answered.body, answered)
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
    for (const [name, value] of crossOrigin(request.headers)) response.headers.append(name, value)
    return response
  }
}

/** Matches paths as they are sent; a segment is anything but a slash. */
function patternOf({ path, isAtRoot }: ApiRoute, basePath: string): RegExp {
  const base = literal(basePath)
  const segments = literal(path).replace(/:(\w+)/g, '(?<$1>[^/]+)')
  return new RegExp(`^${isAtRoot ? `(?:${base})?` : base}${segments}$`)
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** `null` when nothing matched, or a segment is not well encoded. */
function paramsOf(found: RegExpExecArray | null): Params | null {
  if (found === null) return null
  try {
    const groups = Object.entries(found.groups ?? {})
    return Object.fromEntries(groups.map(([name, value]) => [name, decodeURIComponent(value)]))
  } catch {
    return null
  }
}

const NOT_FOUND = refuse('not-found', 'There is nothing at this path.')

const INTERNAL_ERROR = refuse('internal-error', 'Something went wrong here.')
