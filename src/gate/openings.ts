import { paymentFacts } from '../hooks/facts.ts'
import type { Notifier } from '../hooks/notifier.ts'
import type { JsonObject } from '../lib/json.ts'
import { formatAmount } from '../payments/amount.ts'
import type { Payment } from '../payments/payment.ts'
import { isRefusal } from '../problems/refusal.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Follow, Transition } from '../settlement/ledger.ts'
import type { Write } from '../stores/store.ts'
import type { Vaults } from '../vaults/vaults.ts'
import type { EventType } from '../webhooks/events.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'

/** Who takes part in what a payment brings about. */
export interface OpeningsOptions {
  readonly sessions: Sessions
  /** `null` when the configuration has no vaults. */
  readonly vaults: Vaults | null
  /** `null` when the configuration has no webhooks. */
  readonly webhooks: Webhooks | null
  readonly notifier: Notifier
}

/** What endpoints are told of transitions, and under which name. They are told where a payment ends, not of every step. */
const ANNOUNCED: Readonly<Partial<Record<Transition, EventType>>> = {
  'payment.received': 'payment.received',
  'payment.settled': 'payment.settled',
  'payment.failed': 'payment.failed',
  'payment.vanished': 'payment.failed',
}

/** What follows from the transitions of a payment, in their own commits: its session, its vault, and the news of all that. */
export function createOpenings({ sessions, vaults, webhooks, notifier }: OpeningsOptions): Follow {
  const announce = (type: EventType | undefined, payment: Payment): readonly Write[] =>
    webhooks && type ? [webhooks.event(type, announcement(payment))] : []

  function open(payment: Payment): readonly Write[] {
    const draft =
      payment.vault && vaults
        ? vaults.draft({ paymentId: payment.id, ...(payment.session && { session: payment.session.hash }) })
        : null
    return [
      ...sessions.openWrites(payment),
      ...(payment.session ? announce('session.created', payment) : []),
      // Limits refused it before money moved; what they refuse now was paid for.
      ...(draft === null || isRefusal(draft) ? [] : draft.writes),
    ]
  }

  return (type, payment, detail) => {
    const news = [
      ...announce(ANNOUNCED[type], payment),
      ...notifier.afterCommit(type, () => paymentFacts(payment, detail)),
    ]
    // What is answered before its money moved opens at once. What is open is taken back when the money does not move: not as
    // soon as a transaction vanishes, since most come back in another block.
    const isEarly = payment.settle === 'background'
    const isOpen = isEarly || payment.vanishedAt !== null
    if (isOpen && type === 'payment.failed') return [...news, ...sessions.closeWrites(payment)]
    if (isEarly && type === 'payment.settled') return [...news, ...sessions.indexWrites(payment)]
    const opens = type === (isEarly ? 'payment.received' : 'payment.settled') && payment.vanishedAt === null
    return opens ? [...news, ...open(payment)] : news
  }
}

/** What the world is told of a payment. */
export function announcement(payment: Payment): JsonObject {
  const { id, protocol, method, network, asset, payer, recipient, wallet, route, transaction, cause } =
    payment
  const amount = formatAmount(BigInt(payment.amount), payment.decimals)
  return {
    paymentId: id,
    protocol,
    method,
    network,
    asset,
    amount,
    payer,
    recipient,
    wallet,
    route,
    txHash: transaction,
    cause,
  }
}
