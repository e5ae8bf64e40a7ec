import { type Coffer, createCoffer } from '../../src/gate/coffer.ts'
import type { Next } from '../../src/gate/next.ts'
import type { RouteOptions } from '../../src/gate/options.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { Store } from '../../src/stores/store.ts'
import { CREDIT_MS, LEASE_MS, MAX_UNSETTLED, RESULT_MS } from './limits.ts'
import { type Chain, createChain } from './scripted-chain.ts'
import { payingOn, proofOf } from './scripted-protocol.ts'
import { type Caller, createTurns, quiet, type Turns, takingTurns } from './turns.ts'
import { createWitness, type Witness } from './witness.ts'

/** What a payer asks for. */
export interface Asking {
  readonly credential: string
  readonly path: keyof typeof ROUTES
  readonly key: string | null
  /** How the handler ends. */
  readonly ending: 'answer' | 'refuse' | 'fail' | 'throw' | 'hang'
}

/** What is sold, for a cent each. */
const ROUTES = {
  '/before': { price: '0.01' },
  '/other': { price: '0.01' },
  '/after': { price: '0.01', settle: 'after' },
  '/background': { price: '0.01', settle: 'background' },
} as const satisfies Record<string, RouteOptions>

export const paths = Object.keys(ROUTES) as readonly (keyof typeof ROUTES)[]

interface Process extends Caller {
  readonly coffer: Coffer
}

/** Two processes of one seller on one store, one chain, and payers. Nothing happens by itself. */
export interface World {
  readonly clock: Clock
  readonly chain: Chain
  /** The store as it really is, for those who look from outside. */
  readonly store: Store
  readonly witness: Witness
  /** A payer sends a request to a process. */
  ask(process: number, asking: Asking): Promise<void>
  /** What was asked for, each request once. */
  asked(): readonly Asking[]
  /** A process looks at its outbox. */
  tick(process: number): Promise<void>
  /** Waiting calls happen. */
  step(at: number, times: number): Promise<void>
  /** A call takes long: until {@link wake}, whatever else happens. */
  stall(at: number): void
  wake(): void
  /** A process dies at one of its calls; another takes its place. */
  crash(at: number, takesEffect: boolean): Promise<void>
  /** A call to the store fails. */
  fail(at: number, takesEffect: boolean): Promise<void>
  advance(ms: number): void
  /** All calls happen, until none waits. */
  drain(): Promise<void>
}

export function createWorld(openStore: (clock: Clock) => Store): World {
  let now = Date.UTC(2030, 0, 1)
  let drawn = 0
  const clock = (): number => now
  const store = openStore(clock)
  const chain = createChain(clock)
  const turns = createTurns()
  const witness = createWitness(store, chain, clock)
  const asked = new Map<string, Asking>()
  let processes = [open(), open()]

  /** Ids must differ, and nothing more: a run can be repeated. */
  function random(length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(length, 4))
    new DataView(bytes.buffer).setUint32(0, ++drawn)
    return bytes.reverse().subarray(0, length)
  }

  function open(): Process {
    const caller: Caller = { isAlive: true }
    const coffer = createCoffer({
      secret: 'a secret of at least thirty-two bytes',
      wallets: { main: { address: `0x${'2'.repeat(40)}` } },
      protocols: [payingOn(chain, caller, turns)],
      store: takingTurns(store, caller, turns),
      handlerTimeout: LEASE_MS / 1000,
      creditTtl: CREDIT_MS / 1000,
      results: { ttl: RESULT_MS / 1000 },
      maxUnsettled: String(MAX_UNSETTLED),
      challengeLimit: false,
      hooks: { '*': witness.told },
      clock,
      random,
    })
    return Object.assign(caller, { coffer })
  }

  const processAt = (at: number): Process => processes[at % processes.length] as Process

  async function step(at: number, times: number): Promise<void> {
    for (let time = 0; time < times; time++) await turns.take(at + time * 7)
  }

  return {
    clock,
    chain,
    store,
    witness,
    async ask(process, asking) {
      asked.set(`${asking.credential} ${asking.path} ${asking.key}`, asking)
      chain.sign(proofOf(asking.credential))
      void serve(processAt(process), asking, turns, witness).catch(witness.broke)
      await quiet()
    },
    asked: () => [...asked.values()],
    async tick(process) {
      void processAt(process).coffer.tick().catch(witness.broke)
      await quiet()
    },
    step,
    stall: turns.stall,
    wake: turns.wake,
    async crash(at, takesEffect) {
      const died = await turns.kill(at, takesEffect)
      if (died === null) return
      witness.died(died)
      processes = processes.map((process) => (process === died ? open() : process))
    },
    fail: (at, takesEffect) => turns.fail(at, takesEffect, witness.failed),
    advance(ms) {
      now += ms
    },
    async drain() {
      for (let calls = 0; turns.count() > 0; calls++) {
        if (calls > 5000) throw new Error('there is no end to the calls')
        await turns.take(calls * 5)
      }
    },
  }
}

/** What a server does with a request, as the adapters do it. */
async function serve(process: Process, asking: Asking, turns: Turns, witness: Witness): Promise<void> {
  const headers = new Headers({ 'x-scripted': asking.credential })
  if (asking.key !== null) headers.set('idempotency-key', asking.key)
  const request = new Request(`https://api.test${asking.path}`, { method: 'POST', headers, body: 'question' })
  const outcome = await process.coffer.handle(request, ROUTES[asking.path])
  if (outcome instanceof Response) return witness.refused(asking, outcome)
  const run = await witness.began(process, asking, outcome)
  try {
    const answer = await runHandler(process, asking, outcome, turns)
    if (answer === null) await outcome.abandon()
    else await witness.answered(asking, outcome, await outcome.finish(answer))
  } finally {
    witness.ended(run)
  }
}

async function runHandler(
  process: Process,
  { ending }: Asking,
  { grant }: Next,
  turns: Turns,
): Promise<Response | null> {
  if (ending === 'hang') return new Promise(() => {})
  await turns.wait(process, 'handler', () => null)
  if (ending === 'throw') return null
  const status = { answer: 200, refuse: 422, fail: 500 }[ending]
  return new Response(`what ${grant.payment.paymentId} bought`, { status })
}
