import { evm, Mppx, tempo } from 'mppx/server'
import { createClient, http } from 'viem'
import { tempoModerato } from 'viem/tempo/chains'
import * as terms from './terms.ts'

const common = { secretKey: terms.SECRET, realm: terms.REALM }

/** One client for all requests; left to itself, mppx makes several for each. */
const client = createClient({ chain: tempoModerato, transport: http(terms.NOWHERE) })

const evmCharge = evm.charge({
  chainId: terms.EVM_CHAIN,
  currency: terms.USDC.address,
  decimals: terms.USDC.decimals,
  authorization: terms.USDC.domain,
  recipient: terms.SELLER,
  settle: async () => ({ reference: '0x' }),
})

const tempoCharge = tempo.charge({ testnet: true, recipient: terms.SELLER, getClient: () => client })

/** The MPP SDK's server with both methods; the second one is offered to x402 clients, too. */
export const mppx = Mppx.create({ ...common, methods: [tempoCharge, evmCharge] })

/** The same with the Tempo method alone. */
export const mppxTempo = Mppx.create({ ...common, methods: [tempoCharge] })

/** Its one route. */
export const mppxRoute = { amount: terms.PRICE, description: terms.DESCRIPTION }
