import { createCoffer } from '../../src/gate/coffer.ts'
import type { CofferOptions } from '../../src/gate/options.ts'
import { memory } from '../../src/stores/memory.ts'
import { createScript, scripted } from './scripted-protocol.ts'

export { createScript, type Script, SETTLED, scripted } from './scripted-protocol.ts'

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
    options,
    now: clock,
    advance(ms: number) {
      now += ms
    },
  }
}

/** What {@link createSeller} makes. */
export type Seller = ReturnType<typeof createSeller>

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
