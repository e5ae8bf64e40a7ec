import { createCoffer } from '../../src/gate/coffer.ts'
import type { CofferOptions } from '../../src/gate/options.ts'
import type { Address } from '../../src/payments/address.ts'
import { toBaseUnits } from '../../src/payments/amount.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import { isRefusal, type Refusal, refuse } from '../../src/problems/refusal.ts'
import type { Finality, ProtocolFactory } from '../../src/protocols/protocol.ts'
import { memory } from '../../src/stores/memory.ts'

/** A protocol whose every answer the test decides: what the gate does with it is what is tested. */
export interface Script {
  verify: (text: string) => Refusal | null
  settle: (text: string) => Promise<Settlement>
  reconcile: () => Promise<Settlement>
  /** Whether settled payments are watched, and what the chain says of them. */
  confirm: ((transaction: string | null) => Promise<Finality>) | null
  payer: Address
  /** Proof of a credential. Default: the credential itself. */
  proof: (text: string) => string
  /** What was called, in order. */
  readonly calls: string[]
}

export const SETTLED: Settlement = { outcome: 'settled', transaction: '0xabc', block: '1' }

const NOBODY = `0x${'1'.repeat(40)}` as const

export function createScript(): Script {
  return {
    verify: () => null,
    settle: async () => SETTLED,
    reconcile: async () => ({ outcome: 'unknown', transaction: null, detail: 'no answer' }),
    confirm: null,
    payer: NOBODY,
    proof: (text) => text,
    calls: [],
  }
}

/** Credentials of the scripted protocol stand in `X-Scripted`. */
export function scripted(script: Script): ProtocolFactory {
  return () => ({
    name: 'x402',
    chains: ['eip155:1'],
    checkPrice: () => {},
    offers: ({ price, recipient }) => [
      {
        method: 'exact',
        network: 'eip155:1',
        asset: NOBODY,
        amount: toBaseUnits(price, 6),
        recipient: recipient('eip155:1'),
      },
    ],
    challenge: (charge) => ({ headers: [['x-challenge', charge.route]], members: { digest: charge.digest } }),
    credential(headers) {
      const text = headers.get('x-scripted')
      if (text === null) return null
      return text === 'malformed'
        ? refuse('malformed-credential', 'Not this.')
        : { protocol: 'x402', text, key: null, content: null }
    },
    async verify({ text }, charge) {
      script.calls.push('verify')
      const refusal = script.verify(text)
      if (isRefusal(refusal)) return refusal
      return {
        proofs: [script.proof(text)],
        method: 'exact',
        network: 'eip155:1',
        asset: { address: NOBODY, decimals: 6, symbol: 'USDC' },
        amount: 10_000n,
        payer: script.payer,
        recipient: charge.recipient('eip155:1'),
        evidence: {},
        deferred: { text },
        settle() {
          script.calls.push('settle')
          return script.settle(text)
        },
      }
    },
    reconcile() {
      script.calls.push('reconcile')
      return script.reconcile()
    },
    settleDeferred(_payment, { text }) {
      script.calls.push('settle')
      return script.settle(String(text))
    },
    watches: () => script.confirm !== null,
    confirm: async ({ transaction }) => script.confirm?.(transaction) ?? 'final',
    receipt: (payment) => [['x-receipt', payment.id]],
  })
}

/** A seller with the scripted protocol, a memory store and a clock that stands still until it is moved. */
export function createSeller(options: Partial<CofferOptions> = {}) {
  const script = createScript()
  let now = Date.UTC(2030, 0, 1)
  const clock = () => now
  const coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: `0x${'2'.repeat(40)}` } },
    protocols: [scripted(script)],
    store: memory({ clock }),
    challengeLimit: false,
    clock,
    ...options,
  })
  return {
    coffer,
    script,
    now: clock,
    advance(ms: number) {
      now += ms
    },
  }
}

/** A request, with a credential of the scripted protocol unless it is `null`. */
export function request(
  credential: string | null,
  url = 'https://api.test/report',
  init: RequestInit = {},
): Request {
  const headers = new Headers(init.headers)
  if (credential !== null) headers.set('x-scripted', credential)
  return new Request(url, { ...init, headers })
}

/** The machine-readable name of a problem. */
export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}
