import { type Coffer, createCoffer } from 'coffer'
import { baseSepolia, wallet } from 'coffer/evm'
import { paid } from 'coffer/express'
import { paid as paidHono } from 'coffer/hono'
import { memory } from 'coffer/memory'
import { evm, mpp, tempo } from 'coffer/mpp'
import { facilitator, x402 } from 'coffer/x402'
import * as terms from '../terms.ts'
import { type Gates, NO_TILL, type ShopSetup } from './shop.ts'

/** Coffer as a seller sets it up, in front of Express, Hono and `node:http`. */
export async function openGates(setup: ShopSetup): Promise<Gates> {
  const coffer = openCoffer(setup)
  const hasSessions = setup.takes === 'session'
  const route = { price: terms.PRICE, description: terms.DESCRIPTION, acceptSessions: hasSessions }
  return {
    express: () => paid(coffer, route),
    hono: () => paidHono(coffer, route),
    node(handler) {
      const gate = paid(coffer, route)
      return (req, res) => gate(req, res, (error) => (error ? res.destroy() : handler(req, res)))
    },
    ...(hasSessions && { session: await openSession(coffer) }),
  }
}

function openCoffer({ takes, till = NO_TILL }: ShopSetup): Coffer {
  const { seller, evm: rpc, tempo: tempoRpc, settle: how } = till
  const settle = 'key' in how ? wallet(how.key) : facilitator({ url: how.facilitator })
  const network = baseSepolia({ rpc, settle })
  const tempoMethod = tempo({ rpc: tempoRpc, chainId: terms.TEMPO_CHAIN })
  const evmMethod = evm({ network })
  const ways = {
    x402: [x402({ networks: [network] })],
    tempo: [mpp({ methods: [tempoMethod] })],
    evm: [mpp({ methods: [evmMethod] })],
    all: [x402({ networks: [network] }), mpp({ methods: [tempoMethod, evmMethod] })],
    session: [x402({ networks: [network] })],
  }
  return createCoffer({
    secret: terms.SECRET,
    wallets: { main: { address: seller } },
    protocols: ways[takes],
    store: memory(),
    // Peers have none.
    challengeLimit: false,
    realm: terms.REALM,
    stub: takes === 'session',
  })
}

/** The fields of a session, which a payment of no money opened. */
async function openSession(coffer: Coffer): Promise<Record<string, string>> {
  const headers = { 'x-payment': `stub_${crypto.randomUUID()}` }
  const route = { price: terms.PRICE, acceptSessions: true }
  const outcome = await coffer.handle(new Request(terms.REPORT_URL, { headers }), route)
  if (outcome instanceof Response) throw new Error('the stub did not pay')
  const answer = await outcome.finish(new Response())
  return { [terms.SESSION]: answer.headers.get(terms.SESSION) ?? '' }
}
