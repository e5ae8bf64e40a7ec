import type { AddressGuard } from './address-guard.ts'

/** Which URLs an endpoint may have. */
export interface UrlRules {
  /** Whether `http:` will do. For development: what is sent is signed, but anybody on the way can read it. */
  readonly allowHttp: boolean
  readonly guard: AddressGuard
}

const MAX_LENGTH = 2048

/** What the URL of an endpoint should have been; `null` when it is right. Never shows the URL, which may be secret. */
export function urlFault(text: unknown, { allowHttp, guard }: UrlRules): string | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH || !URL.canParse(text)) {
    return `an absolute URL of at most ${MAX_LENGTH} characters`
  }
  const { protocol, username, password, hostname } = new URL(text)
  if (protocol !== 'https:' && !(allowHttp && protocol === 'http:')) return 'an https URL'
  if (username !== '' || password !== '') return 'a URL without user name and password'
  if (!guard.allowsHost(hostname)) return 'a URL whose host is on the public Internet'
  return null
}
