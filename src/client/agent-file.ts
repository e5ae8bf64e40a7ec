import { chmodSync, closeSync, openSync } from 'node:fs'
import { sqlite } from '../stores/sqlite.ts'
import type { Store } from '../stores/store.ts'

/**
 * A store in one SQLite file that only its owner may read (0600), since answers and sessions can be had with what is in it.
 * Several processes may share it. For Node, Bun and Deno.
 *
 * @throws CofferError `store-failed` when it cannot be opened. What the file system says of a file that cannot be made.
 */
export function agentFile(path: string): Store {
  // Before SQLite makes it, with whatever permissions the process has by default; its other files get those of this one.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  return sqlite(path)
}
