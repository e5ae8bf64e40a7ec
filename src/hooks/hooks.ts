import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { HookEvent, HookType } from './events.ts'

/** Functions that are told what happens, by the type of the event; `'*'` is told everything. */
export type Hooks = {
  readonly [Type in HookType]?: Hook<Type>
} & { readonly '*'?: Hook }

/**
 * Is called when it has happened, and is not waited for: what it returns, throws or never does changes nothing. Errors
 * and rejections go to `onError`.
 */
export type Hook<Type extends HookType = HookType> = (event: HookEvent<Type>) => unknown

/**
 * Checks hooks: those of one object, or of several.
 *
 * @throws CofferError `invalid-option` for an event that there is not, or for what is no function.
 */
export function readHooks(hooks: Hooks | readonly Hooks[]): readonly Hooks[] {
  const list: readonly Hooks[] = 'length' in hooks ? hooks : [hooks]
  for (const each of list) {
    refuseUnknownOptions(each, Object.keys(HOOK_NAMES), 'hooks')
    for (const [name, hook] of Object.entries<unknown>(each)) {
      if (hook !== undefined && typeof hook !== 'function') invalidOption(`hooks.${name}`, 'a function', hook)
    }
  }
  return list
}

const HOOK_NAMES: Readonly<Record<HookType | '*', true>> = {
  'payment.received': true,
  'payment.settled': true,
  'payment.failed': true,
  'payment.unknown': true,
  'payment.vanished': true,
  'payment.delivered': true,
  'payment.owed': true,
  'payment.abandoned': true,
  'payment.resumed': true,
  'payment.replayed': true,
  'session.created': true,
  'session.revoked': true,
  'vault.created': true,
  'vault.sealed': true,
  'vault.persisted': true,
  'vault.extended': true,
  'vault.expiring': true,
  'vault.expired': true,
  'vault.deleted': true,
  'webhook.delivered': true,
  'webhook.failed': true,
  'webhook.dead': true,
  'job.dead': true,
  'request.refused': true,
  '*': true,
}
