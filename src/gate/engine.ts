import type { Notifier } from '../hooks/notifier.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { invalidOption } from '../problems/error.ts'
import type { Environment, Protocol } from '../protocols/protocol.ts'
import { createSessions, type Sessions } from '../sessions/sessions.ts'
import { createConfirmer } from '../settlement/confirm.ts'
import { createLedger, type Ledger } from '../settlement/ledger.ts'
import { createReconciler } from '../settlement/reconcile.ts'
import { createWorker, type Worker } from '../settlement/worker.ts'
import type { Store, Write } from '../stores/store.ts'
import { readLimits } from '../vaults/limits.ts'
import type { SystemEvent } from '../vaults/vault-event.ts'
import { createVaults, type Vaults } from '../vaults/vaults.ts'
import type { WebhookEndpoints, WebhooksFactory } from '../webhooks/webhooks.ts'
import { announcement, createOpenings } from './openings.ts'
import type { VaultOptions } from './options.ts'

/** What moves payments on: the book, and the worker that keeps its promises. */
export interface Engine {
  readonly ledger: Ledger
  readonly worker: Worker
  readonly sessions: Sessions
  /** `null` when the configuration has no vaults. */
  readonly vaults: Vaults | null
  /** `null` when the configuration has no webhooks. */
  readonly webhooks: WebhookEndpoints | null
}

/** What an {@link Engine} is made of. */
export interface EngineOptions {
  readonly environment: Environment
  readonly protocols: readonly Protocol[]
  readonly store: Store
  readonly webhooks: WebhooksFactory | null
  readonly vaults: VaultOptions | null
  readonly notifier: Notifier
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
  const { environment, protocols, store, notifier, leaseMs, resultMs, onError } = options
  const { clock, random } = environment
  const webhooks = options.webhooks?.({ ...environment, store, notifier }) ?? null
  /** The protocol that a payment came through; none when it is not configured any more. */
  const protocolOf = ({ protocol, network }: Payment): Protocol | undefined =>
    protocols.find(({ name, chains }) => name === protocol && chains.includes(network))
  const sessions = createSessions({ store, clock, secrets: environment.secrets, notifier })

  const vaults =
    options.vaults &&
    createVaults({
      ...environment,
      ...vaultParts(options.vaults),
      store,
      announce,
      describePayment,
      notifier,
    })
  const follow = createOpenings({ sessions, vaults, webhooks, notifier })

  /** Webhooks tell of vaults too. */
  function announce(type: SystemEvent, facts: JsonObject): readonly Write[] {
    return webhooks ? [webhooks.event(type, facts)] : []
  }

  async function describePayment(id: string): Promise<JsonObject | null> {
    const held = await ledger.get(id)
    return held && announcement(held.payment)
  }

  const ledger = createLedger({
    store,
    clock,
    leaseMs,
    resultMs,
    follow,
    isWatched: (payment) => protocolOf(payment)?.watches(payment) ?? false,
  })
  const handlers = {
    ...webhooks?.handlers,
    ...vaults?.handlers,
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
  const worker = createWorker({
    store,
    clock,
    random,
    leaseMs: WORKER_LEASE_MS,
    onError,
    handlers,
    notifier,
  })
  return { ledger, worker, sessions, vaults, webhooks: webhooks?.endpoints ?? null }
}

/** The options of vaults, checked and complete. */
function vaultParts({ blobs, bus, limits, tombstoneHours = 720 }: VaultOptions) {
  if (!(tombstoneHours >= 1 && tombstoneHours <= 8760)) {
    invalidOption('vaults.tombstoneHours', 'hours from 1 to 8760', tombstoneHours)
  }
  return { blobs, bus: bus ?? null, limits: readLimits(limits), tombstoneMs: tombstoneHours * 3_600_000 }
}
