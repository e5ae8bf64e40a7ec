import { invalid } from './options.ts'

/** Who may use the tools over HTTP. */
export interface HttpAccess {
  /** Names by which the server may be called (`Host`), without ports. Default: `localhost`, `127.0.0.1` and `[::1]`. */
  readonly hosts?: readonly string[]
  /** Origins whose pages may call it, such as `https://app.example.com`. Default: those of `hosts`. */
  readonly origins?: readonly string[]
  /** What callers must show as a bearer token, at least 16 characters. Default: nothing. */
  readonly token?: string
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * Makes the check that stands before all others. A page in a browser on this machine can send requests here, and by DNS
 * rebinding under a name of its own: so the name is checked, not the address that it came from.
 *
 * @returns The answer to who may not come in; `null` for who may.
 * @throws CofferError `invalid-option`.
 */
export function createGuard({
  hosts = LOOPBACK,
  origins,
  token,
}: HttpAccess = {}): (request: Request) => Promise<Response | null> {
  if (token !== undefined && token.length < 16) invalid('http.token', 'at least 16 characters')
  const names = new Set(hosts.map((host) => host.toLowerCase()))
  const isPage = (origin: string): boolean =>
    origins === undefined ? names.has(nameOf(origin) ?? '') : origins.includes(origin)

  return async ({ url, headers }) => {
    const host = headers.get('host')
    if (!names.has(nameOf(host === null ? url : `http://${host}`) ?? ''))
      return no(403, 'This Host is not served.')
    const origin = headers.get('origin')
    if (origin !== null && !isPage(origin)) return no(403, 'Pages of this Origin are not served.')
    const [scheme = '', shown = ''] = headers.get('authorization')?.split(/ +/) ?? []
    if (token === undefined || (scheme.toLowerCase() === 'bearer' && (await isSame(shown, token))))
      return null
    return no(401, 'A bearer token is needed.', { 'www-authenticate': 'Bearer' })
  }
}

function nameOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null
}

/** Compares hashes, so that the time it takes says nothing of the token. */
async function isSame(shown: string, token: string): Promise<boolean> {
  const [one, other] = await Promise.all([shown, token].map(digest))
  return one === other
}

async function digest(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).join()
}

/** An answer in the words of JSON-RPC. */
export function no(status: number, message: string, fields: HeadersInit = {}, code = -32_000): Response {
  const error = { jsonrpc: '2.0', error: { code, message }, id: null }
  return Response.json(error, { status, headers: { 'cache-control': 'no-store', ...fields } })
}
