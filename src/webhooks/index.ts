import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { createAddressGuard } from './address-guard.ts'
import type { Sender } from './post.ts'
import { createSender } from './sender.ts'
import { createWebhooks, type WebhooksFactory } from './webhooks.ts'

/** Options of {@link webhooks}. */
export interface WebhooksOptions {
  /**
   * How messages are posted. Default: `node:https`, which checks every address that it connects to. One of your own has
   * to keep messages from internal addresses by itself, for instance through a proxy that does.
   */
  readonly send?: Sender
  /** Allows endpoints with an `http:` URL, for development. Default false. */
  readonly allowHttp?: boolean
  /** Allows IP addresses that are not on the public Internet, such as those of your own network. Default: none. */
  readonly allowAddress?: (address: string) => boolean
  /** Seconds that a secret signs on after it was replaced, 0 to 604800. Default 86400. */
  readonly rotationGrace?: number
}

const WEEK = 604_800

/**
 * Webhooks (Standard Webhooks 1.0): tells endpoints of payments. Messages are at least once, in no promised order, tried
 * for three days.
 *
 * @throws CofferError `invalid-option` for a wrong option.
 */
export function webhooks(options: WebhooksOptions = {}): WebhooksFactory {
  refuseUnknownOptions(options, ['send', 'allowHttp', 'allowAddress', 'rotationGrace'], 'webhooks')
  const { allowHttp = false, allowAddress, rotationGrace = 86_400 } = options
  if (!(rotationGrace >= 0 && rotationGrace <= WEEK)) {
    invalidOption('webhooks.rotationGrace', `seconds from 0 to ${WEEK}`, rotationGrace)
  }
  const guard = createAddressGuard(allowAddress)
  const send = options.send ?? createSender({ guard })
  const rules = { allowHttp, guard }
  return (environment) => createWebhooks({ send, rules, rotationGraceMs: rotationGrace * 1000 }, environment)
}
