import { payment } from 'mppx/express'
import { payment as honoPayment } from 'mppx/hono'
import { evm, Mppx, tempo } from 'mppx/server'
import { createClient, http } from 'viem'
import { tempoModerato } from 'viem/tempo/chains'
import { createFacilitator } from '../../test/chains/facilitator.ts'
import { mppxRoute } from '../peers.ts'
import * as terms from '../terms.ts'
import { type Gates, NO_TILL, type ShopSetup, type Till } from './shop.ts'

/** `mppx/express` and `mppx/hono`. */
export function openGates({ takes, till = NO_TILL }: ShopSetup): Gates {
  const common = { secretKey: terms.SECRET, realm: terms.REALM }
  const ways = {
    all: () => Mppx.create({ ...common, methods: [tempoCharge(till), evmCharge(till)] }).charge,
    tempo: () => Mppx.create({ ...common, methods: [tempoCharge(till)] }).charge,
    evm: () => Mppx.create({ ...common, methods: [evmCharge(till)] }).charge,
  }
  if (!(takes in ways)) throw new Error(`mppx does not take ${takes}`)
  // Their types differ by their methods, which is not what a middleware cares about.
  const charge = ways[takes as keyof typeof ways]() as ReturnType<typeof ways.all>
  return { express: () => payment(charge, mppxRoute), hono: () => honoPayment(charge, mppxRoute) }
}

function tempoCharge({ seller, tempo: rpc }: Till) {
  const chain = { ...tempoModerato, hardfork: 't3', rpcUrls: { default: { http: [rpc] } } }
  const client = createClient({
    chain: chain as unknown as typeof tempoModerato,
    transport: http(rpc),
    pollingInterval: 20,
  })
  return tempo.charge({ testnet: true, recipient: seller, getClient: () => client })
}

function evmCharge(till: Till) {
  return evm.charge({
    chainId: terms.EVM_CHAIN,
    currency: terms.USDC.address,
    decimals: terms.USDC.decimals,
    authorization: terms.USDC.domain,
    recipient: till.seller,
    x402: { facilitator: facilitatorOf(till) },
  })
}

function facilitatorOf({ evm: url, settle }: Till) {
  if ('facilitator' in settle) return settle.facilitator
  return createFacilitator({ url, chainId: terms.EVM_CHAIN }, settle.key) as never
}
