import type { FacilitatorClient } from '@x402/core/server'
import * as terms from './terms.ts'

/** For servers of the x402 SDK that only ask for money: they want to know what can be settled before they ask. */
export const idleFacilitator: FacilitatorClient = {
  getSupported: async () => ({
    kinds: [{ x402Version: 2, scheme: 'exact', network: `eip155:${terms.EVM_CHAIN}` }],
    extensions: [],
    signers: {},
  }),
  verify: () => Promise.reject(new Error('nothing is paid here')),
  settle: () => Promise.reject(new Error('nothing is paid here')),
}
