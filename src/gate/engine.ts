import type { JsonObject } from '../lib/json.ts'
import { formatAmount } from '../payments/amount.ts'
import type { Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { Environment, Protocol } from '../protocols/protocol.ts'
import { createSessions, type Sessions } from '../sessions/sessions.ts'
import { createConfirmer } from '../settlement/confirm.ts'
import { createLedger, type Ledger, type Transition } from '../settlement/ledger.ts'
import { createReconciler } from '../settlement/reconcile.ts'
import { createWorker, type Worker } from '../settlement/worker.ts'
import type { Store, Write } from '../stores/store.ts'
import type { WebhookEndpoints, WebhooksFactory } from '../webhooks/webhooks.ts'

/** What moves payments on: the book, and the worker that keeps its promises. */
export interface Engine {
  readonly ledger: Ledger
  readonly worker: Worker
  readonly sessions: Sessions
  /** `null` when the configuration has no webhooks. */
  readonly webhooks: WebhookEndpoints | null
}

/** What an {@link Engine} is made of. */
export interface EngineOptions {
  readonly environment: Environment
  readonly protocols: readonly Protocol[]
  readonly store: Store
  readonly webhooks: WebhooksFactory | null
  /** How long a settlement or a handler may work before its payment counts as abandoned, milliseconds. */
  readonly leaseMs: number
  /** How long a result can be had again, milliseconds. */
  readonly resultMs: number
  readonly onError: (error: unknown) => void
}

/** Longer than any settlement or webhook may take. */
const WORKER_LEASE_MS = 120_000

const NOT_CONFIGURED: Settlement = {
  outcome: 'unknown',
  transaction: null,
  detail: 'The protocol or chain of this payment is not configured any more.',
}

/** Puts the ledger, the outbox and those who work on it together. */
export function createEngine(options: EngineOptions): Engine {
  const { environment, protocols, store, leaseMs, resultMs, onError } = options
  const { clock, random } = environment
  const webhooks = options.webhooks?.({ ...environment, store }) ?? null
  /** The protocol that a payment came through; none when it is not configured any more. */
  const protocolOf = ({ protocol, network }: Payment): Protocol | undefined =>
    protocols.find(({ name, chains }) => name === protocol && chains.includes(network))
  const sessions = createSessions({ store, clock, secrets: environment.secrets })

  /** A session opens when its payment has paid, or, in the background, when it is answered. */
  function sessionWrites(type: Transition, payment: Payment): readonly Write[] {
    const isEarly = payment.settle === 'background'
    if (isEarly && type === 'payment.failed') return sessions.closeWrites(payment)
    if (isEarly && type === 'payment.settled') return sessions.indexWrites(payment)
    if (type !== (isEarly ? 'payment.received' : 'payment.settled') || payment.vanishedAt !== null) return []
    const rows = sessions.openWrites(payment)
    return rows.length === 0 || !webhooks
      ? rows
      : [...rows, webhooks.event('session.created', announcement(payment))]
  }

  const ledger = createLedger({
    store,
    clock,
    leaseMs,
    resultMs,
    follow: (type, payment) => [
      ...(webhooks ? [webhooks.event(type, announcement(payment))] : []),
      ...sessionWrites(type, payment),
    ],
    isWatched: (payment) => protocolOf(payment)?.watches(payment) ?? false,
  })
  const handlers = {
    ...webhooks?.handlers,
    reconcile: createReconciler({
      ledger,
      clock,
      reconcile: async (payment) => protocolOf(payment)?.reconcile(payment) ?? NOT_CONFIGURED,
      settleDeferred: async (payment, deferred) =>
        protocolOf(payment)?.settleDeferred(payment, deferred) ?? NOT_CONFIGURED,
    }),
    confirm: createConfirmer({
      ledger,
      clock,
      confirm: async (payment) => protocolOf(payment)?.confirm(payment) ?? 'pending',
    }),
  }
  const worker = createWorker({ store, clock, random, leaseMs: WORKER_LEASE_MS, onError, handlers })
  return { ledger, worker, sessions, webhooks: webhooks?.endpoints ?? null }
}

/** What the world is told of a payment. */
function announcement(payment: Payment): JsonObject {
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
    transaction,
    cause,
  }
}
