import { type FacilitatorClient, HTTPFacilitatorClient, x402ResourceServer } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddleware } from '@x402/express'
import { paymentMiddleware as honoMiddleware } from '@x402/hono'
import { createFacilitator } from '../../test/chains/facilitator.ts'
import { idleFacilitator } from '../idle-facilitator.ts'
import * as terms from '../terms.ts'
import type { Gates, ShopSetup, Till } from './shop.ts'

const network = `eip155:${terms.EVM_CHAIN}` as const

/** `@x402/express` and `@x402/hono`. */
export function openGates({ till }: ShopSetup): Gates {
  const resources = new x402ResourceServer(facilitatorOf(till)).register(network, new ExactEvmScheme())
  const accepts = { scheme: 'exact', payTo: till?.seller ?? terms.SELLER, price: `$${terms.PRICE}`, network }
  const route = { accepts, description: terms.DESCRIPTION }
  const routes = { 'GET /report': route, 'GET /stream': route }
  return {
    express: () => paymentMiddleware(routes, resources),
    hono: () => honoMiddleware(routes, resources),
  }
}

function facilitatorOf(till: Till | undefined): FacilitatorClient {
  if (till === undefined) return idleFacilitator
  if ('facilitator' in till.settle) return new HTTPFacilitatorClient({ url: till.settle.facilitator })
  const facilitator = createFacilitator({ url: till.evm, chainId: terms.EVM_CHAIN }, till.settle.key)
  return {
    verify: (...args) => facilitator.verify(...args),
    settle: (...args) => facilitator.settle(...args),
    getSupported: async () => facilitator.getSupported() as never,
  }
}
