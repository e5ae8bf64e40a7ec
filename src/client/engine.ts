import type { Rpc, RpcOptions } from '../evm/rpc.ts'
import type { Signer } from '../evm/signer.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { toHex } from '../lib/hex.ts'
import { type Random, systemRandom } from '../lib/id.ts'
import type { ChainId } from '../payments/chain.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { mppPayer } from '../protocols/mpp/pay.ts'
import type { PayerProtocol } from '../protocols/payer.ts'
import { x402Payer } from '../protocols/x402/pay.ts'
import { memory } from '../stores/memory.ts'
import type { Store } from '../stores/store.ts'
import { type Attempt, attemptInfo } from './attempt.ts'
import { type Budget, type BudgetOptions, readBudget } from './budget.ts'
import { createJournal, type Journal } from './journal.ts'
import { lazyRpc } from './lazy-rpc.ts'
import type { PayEvent } from './pay-event.ts'
import { type Policy, type PolicyOptions, readPolicy } from './policy.ts'
import type { Renewal } from './renewal.ts'
import { createSessions, type SessionOptions, type Sessions } from './sessions.ts'
import { readWallet, type Wallet } from './wallet.ts'

/** What {@link payFetch} takes. */
export interface PayFetchOptions {
  /** Who pays: an account of viem, a wallet of a browser (EIP-1193), or anything that signs. */
  readonly wallet: Wallet
  /** How much may be paid. */
  readonly budget: BudgetOptions
  /** Whom and how to pay. Default: whoever asks over https, in the stablecoins that are known. */
  readonly policy?: PolicyOptions
  /**
   * Where attempts, sums and sessions are kept. Give it one that lasts, such as `sqlite('agent.db')` of `coffer/sqlite`, and
   * payments survive a crash; several processes may share it. It holds what answers and sessions can be had with: keep it
   * as a key. Default: memory.
   */
  readonly store?: Store
  /**
   * JSON-RPC endpoints by chain, such as `{ 'eip155:8453': 'https://…' }`. Needed to pay on Tempo; elsewhere it is asked
   * what became of a payment that a server did not take, before the same request is paid again.
   */
  readonly rpc?: Readonly<Record<ChainId, string | RpcOptions>>
  /** Who sends a transaction on Tempo: the server (`pull`), or this client (`push`). Default `pull`. */
  readonly tempoMode?: 'pull' | 'push'
  /** How sessions are used; `false` for not at all. */
  readonly sessions?: SessionOptions | false
  /** Longest request body that is kept in memory, bytes; a `Blob` may be longer. Default 4 MiB. */
  readonly maxBodyBytes?: number
  /** How long a payment is sent again whose outcome is not known, milliseconds, 0 to 3 600 000. Default 60 000. */
  readonly patienceMs?: number
  /** How long each answer to a payment may take to begin, milliseconds, 100 to 3 600 000. Default 60 000. */
  readonly answerTimeoutMs?: number
  /** Told what happens, as it happens. What it throws is passed over. */
  readonly onEvent?: (event: PayEvent) => void
  /** What sends requests. Default: the runtime's `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: the runtime's. */
  readonly random?: Random
}

/** {@link PayFetchOptions}, complete, with what is made of them. */
export interface Engine {
  readonly payers: readonly PayerProtocol[]
  readonly policy: Policy
  readonly budget: Budget
  readonly journal: Journal
  readonly sessions: Sessions
  /** Payments under way for a new session, by the id of the one whose place it takes. */
  readonly renewals: Map<string, Promise<Renewal>>
  readonly tempoMode: 'pull' | 'push'
  readonly maxBodyBytes: number
  readonly patienceMs: number
  readonly answerTimeoutMs: number
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly random: Random
  /** Name of this client, which holds leases. */
  readonly owner: string
  signer(): Promise<Signer>
  rpcOf(chain: ChainId): Rpc | null
  /** Never throws. */
  emit(event: PayEvent): void
  /** Changes an attempt in the journal. Never throws: the answer that it paid for must not be lost over that. */
  change(attempt: Attempt, change: (current: Attempt) => Attempt): Promise<Attempt>
}

const NAMES = [
  'wallet',
  'budget',
  'policy',
  'store',
  'rpc',
  'tempoMode',
  'sessions',
  'maxBodyBytes',
  'patienceMs',
  'answerTimeoutMs',
  'onEvent',
  'fetch',
  'clock',
  'random',
]

/** Reads options once. @throws CofferError `invalid-option`. */
export function createEngine(options: PayFetchOptions): Engine {
  refuseUnknownOptions(options, NAMES, 'payFetch')
  const { clock = systemClock, random = systemRandom, tempoMode = 'pull', sessions = {} } = options
  const { maxBodyBytes = 4 * 2 ** 20, patienceMs = 60_000, answerTimeoutMs = 60_000, onEvent } = options
  checkRange('maxBodyBytes', maxBodyBytes, 0, 2 ** 31)
  checkRange('patienceMs', patienceMs, 0, 3_600_000)
  checkRange('answerTimeoutMs', answerTimeoutMs, 100, 3_600_000)
  if (tempoMode !== 'pull' && tempoMode !== 'push') {
    invalidOption('payFetch.tempoMode', "'pull' or 'push'", tempoMode)
  }
  const send = options.fetch ?? globalThis.fetch
  const store = options.store ?? memory({ clock })
  const owner = toHex(random(12)).slice(2)
  const policy = readPolicy(options.policy ?? {})
  const budget = readBudget(options.budget, policy.assets, owner)
  const journal = createJournal({ store, clock, random, budget, owner })
  const endpoints = Object.entries(options.rpc ?? {})
  const rpcs = new Map<string, Rpc>(endpoints.map(([chain, rpc]) => [chain, lazyRpc(chain, rpc)]))

  function emit(event: PayEvent): void {
    try {
      const told: unknown = onEvent?.(event)
      if (told instanceof Promise) told.catch(() => {})
    } catch {
      // A listener is not to come between a payment and its answer.
    }
  }

  return {
    payers: [x402Payer, mppPayer],
    policy,
    budget,
    journal,
    sessions: createSessions({ store, clock, random, options: sessions === false ? null : sessions }),
    renewals: new Map(),
    tempoMode,
    maxBodyBytes,
    patienceMs,
    answerTimeoutMs,
    // Browsers call `fetch` only as a method of the window, or as nobody's.
    fetch: (input, init) => send(input, init),
    clock,
    random,
    owner,
    signer: readWallet(options.wallet),
    rpcOf: (chain) => rpcs.get(chain) ?? null,
    emit,
    async change(attempt, change) {
      try {
        return await journal.update(attempt.id, change)
      } catch (error) {
        if (!(error instanceof CofferError)) throw error
        emit({ type: 'journal-failed', attempt: attemptInfo(attempt), error })
        return change(attempt)
      }
    },
  }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    invalidOption(`payFetch.${name}`, `a whole number from ${least} to ${most}`, value)
  }
}
