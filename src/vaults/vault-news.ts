import type { HookType } from '../hooks/events.ts'
import type { Notifier } from '../hooks/notifier.ts'
import type { Write } from '../stores/store.ts'
import type { VaultRecord } from './vault.ts'

/** What hooks are told of vaults. */
type VaultNews = Extract<HookType, `vault.${string}`>

/** Tells hooks what became of a vault: rows for the commit that makes it true. */
export function vaultNews(
  notifier: Notifier,
  type: VaultNews,
  { id, payment, expiresAt }: VaultRecord,
): readonly Write[] {
  return notifier.afterCommit(type, () => ({ vault: { id, paymentId: payment, expiresAt } }))
}
