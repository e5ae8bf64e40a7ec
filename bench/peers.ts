import { evm, Mppx, tempo } from 'mppx/server'
import { createClient, http } from 'viem'
import { tempoModerato } from 'viem/tempo/chains'
import * as terms from './terms.ts'

const common = { secretKey: terms.SECRET, realm: terms.REALM }

/** One client for all requests; left to itself, mppx makes two for each. */
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

/** The MPP SDK's server with the EVM method. */
export const mppxOfOne = Mppx.create({ ...common, methods: [evmCharge] })

/** The MPP SDK's server with the Tempo method and the EVM method. */
export const mppxOfTwo = Mppx.create({ ...common, methods: [tempoCharge, evmCharge] })
