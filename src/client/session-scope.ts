import type { SessionRecord } from './sessions.ts'

/** What tells where a session is good. */
type Scoped = Pick<SessionRecord, 'url' | 'scope'>

/** Whether a session is good for a URL of its origin. */
export function covers({ url, scope }: Scoped, { pathname }: URL): boolean {
  const opened = new URL(url).pathname
  if (scope === 'origin' || opened === pathname) return true
  return scope === 'prefix' && pathname.startsWith(folderOf(opened))
}

/** The session of this very path first, then the one of the nearest folder. */
export function specificity({ url }: Scoped, { pathname }: URL): number {
  const opened = new URL(url).pathname
  return opened === pathname ? Number.MAX_SAFE_INTEGER : folderOf(opened).length
}

/** Up to the last slash. */
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1)
