import { sha256 } from '@noble/hashes/sha2.js'
import { idempotencyOf } from '../../src/gate/idempotency.ts'
import type { Next } from '../../src/gate/next.ts'
import type { HookEvent } from '../../src/hooks/events.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { toHex } from '../../src/lib/hex.ts'
import type { Payment } from '../../src/payments/payment.ts'
import { CofferError } from '../../src/problems/error.ts'
import { keys } from '../../src/stores/keys.ts'
import type { Store } from '../../src/stores/store.ts'
import { createAudience } from './audience.ts'
import { faultsOf, readBook } from './book.ts'
import type { Chain } from './scripted-chain.ts'
import { proofOf } from './scripted-protocol.ts'
import type { Caller } from './turns.ts'
import type { Asking } from './world.ts'

/** A handler at work. */
interface Run {
  readonly caller: Caller
  readonly payment: string
  readonly leaseUntil: number
}

/** Sees all that payers see and handlers do, and remembers what should not have been. */
export interface Witness {
  /** What payers were answered, in order: `ann-1 200`. */
  readonly answers: readonly string[]
  /** A hook was told. */
  readonly told: (event: HookEvent) => void
  /** A handler may run. */
  began(caller: Caller, asking: Asking, next: Next): Promise<Run>
  ended(run: Run): void
  /** An answer that no handler was asked for. */
  refused(asking: Asking, response: Response): Promise<void>
  /** What became of a handler's answer. */
  answered(asking: Asking, next: Next, response: Response): Promise<void>
  /** A process died. */
  died(caller: Caller): void
  /** The store failed a process; keys that the call was about. */
  failed(keys: readonly string[]): void
  /** Something was thrown. */
  broke(error: unknown): void
  /** Throws when anything is not as it must be. */
  check(): Promise<void>
}

export function createWitness(store: Store, chain: Chain, clock: Clock): Witness {
  const faults: string[] = []
  const answers: string[] = []
  let runs: readonly Run[] = []
  const delivered = new Set<string>()
  const audience = createAudience()
  /** Payments whose records the store may have failed to write. */
  const excused = new Set<string>()

  async function paymentOf(id: string): Promise<Payment | null> {
    const entry = await store.get(keys.payment(id))
    return entry && (entry.value as unknown as Payment)
  }

  async function ownsPayment(credential: string): Promise<boolean> {
    return (await store.get(keys.credential(toHex(sha256(utf8(credential)))))) !== null
  }

  /** Clients pay again after a 402, and throw away what is said to be spent. */
  async function checkRefusal({ credential }: Asking, response: Response): Promise<void> {
    const proof = proofOf(credential)
    const { code } = response.status < 400 ? { code: null } : await response.clone().json()
    if (code === 'duplicate-payment' && (await store.get(keys.proof(proof))) === null) {
      faults.push(`${credential} is said to be spent, and is not`)
    }
    if (response.status !== 402 || !chain.hasMoved(proof)) return
    // Another text of a spent authorization, and too late: it is refused before anybody looks.
    if (chain.isExpired(proof) && !(await ownsPayment(credential))) return
    faults.push(`402 for ${credential}, whose money moved`)
  }

  return {
    answers,
    told: audience.told,
    async began(caller, { path }, { grant }) {
      const { paymentId: id, redeemed } = grant.payment
      const payment = await paymentOf(id)
      const run: Run = { caller, payment: id, leaseUntil: payment?.leaseUntil ?? 0 }
      if (payment === null) faults.push(`a handler runs for no payment: ${id}`)
      else {
        const [proof = ''] = payment.proofs
        // Until a block is deep enough, the book is believed, and looked after.
        const hasMoved = chain.hasMoved(proof) || (payment.state === 'settled' && chain.wasTakenBack(proof))
        const isPaidFirst = payment.settle === 'before' || redeemed
        if (isPaidFirst && !hasMoved) faults.push(`a handler runs unpaid: ${id}`)
        if (payment.state === 'failed') faults.push(`a handler runs for a failed payment: ${id}`)
        if (payment.delivery === 'delivered') faults.push(`a handler runs for a delivered payment: ${id}`)
        if (payment.route !== `POST ${path}`) faults.push(`a handler of another route runs: ${id}`)
      }
      const other = runs.find((run) => run.payment === id && run.leaseUntil > clock())
      if (other) faults.push(`two handlers run at once: ${id}`)
      runs = [...runs, run]
      return run
    },
    ended(ended) {
      runs = runs.filter((run) => run !== ended)
    },
    async refused(asking, response) {
      answers.push(`${asking.credential} ${response.status}`)
      await checkRefusal(asking, response)
      if (response.status >= 400) return
      const id = response.headers.get('x-receipt') ?? ''
      const payment = await paymentOf(id)
      const { hash } = idempotencyOf(asking.key ?? '', payment?.payer ?? '0x', '')
      const isRepeat = payment?.delivery === 'delivered' && payment.idempotency?.hash === hash
      if (!isRepeat) faults.push(`an answer out of nowhere: ${id}`)
      if ((await response.text()) !== `what ${id} bought`) faults.push(`another answer came back: ${id}`)
    },
    async answered(asking, { grant }, response) {
      answers.push(`${asking.credential} ${response.status}`)
      if (response.headers.get('content-type') === 'application/problem+json')
        await checkRefusal(asking, response)
      if (response.status >= 400) return
      const text = await response.text().catch(() => null)
      const id = grant.payment.paymentId
      // The body broke off because the lease was lost: the payer knows that this is not the answer.
      if (text === null) return
      if (delivered.has(id) && !excused.has(id)) faults.push(`delivered twice: ${id}`)
      delivered.add(id)
      const payment = await paymentOf(id)
      if (payment?.delivery !== 'delivered' && !excused.has(id))
        faults.push(`delivered, and not in the book: ${id}`)
    },
    died(caller) {
      runs = runs.filter((run) => run.caller !== caller)
    },
    failed(keys) {
      for (const key of keys) if (key.startsWith('payment/')) excused.add(key.slice('payment/'.length))
    },
    broke(error) {
      // The only failure that the test makes.
      if (error instanceof CofferError && error.code === 'store-failed') return
      faults.push(`thrown: ${error}`)
    },
    async check() {
      const book = await readBook(store)
      const all = [...faults, ...faultsOf(book, chain, clock()), ...audience.faultsOf(book)]
      if (all.length > 0) throw new Error(all.join('\n'))
    },
  }
}
