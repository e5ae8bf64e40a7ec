import type { Next } from '../../src/gate/next.ts'
import type { CofferOptions, RouteOptions } from '../../src/gate/options.ts'
import type { HookEvent, HookType } from '../../src/hooks/events.ts'
import { createSeller, request } from '../gate/scripted.ts'

/** A seller whose hooks note what they are told. */
export function createHookedSeller(options: Partial<CofferOptions> = {}) {
  const told: HookEvent[] = []
  const errors: unknown[] = []
  const seller = createSeller({
    hooks: { '*': (event) => told.push(event) },
    onError: (error) => errors.push(error),
    ...options,
  })
  return {
    ...seller,
    told,
    errors,
    /** Types of what was told since the last look. */
    news: (): HookType[] => told.splice(0).map(({ type }) => type),
    /** Asks for what a credential buys. */
    ask: (credential: string | null, route: RouteOptions, headers: HeadersInit = {}) =>
      seller.coffer.handle(request(credential, undefined, { headers }), route),
    /** Does what is due until nothing is. */
    async work() {
      while ((await seller.coffer.tick()) > 0);
    },
  }
}

/** The right to run the handler, which must have been granted. */
export function granted(outcome: Response | Next): Next {
  if (outcome instanceof Response) throw new Error(`answered ${outcome.status}`)
  return outcome
}
