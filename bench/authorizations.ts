import type { PaymentPayload } from '@x402/core/types'
import type { ProtocolFactory } from 'coffer'
import { recoveryEngine } from 'coffer/evm'
import { type Hex, verifyTypedData } from 'viem'
import type { EvmChain } from '../test/chains/evm.ts'
import { createFacilitator } from '../test/chains/facilitator.ts'
import { mppEvm, x402V2 } from '../test/clients/official.ts'
import { createEvmPayer } from '../test/clients/payers.ts'
import type { Comparison, Contender, Job } from './harness.ts'
import { decode, forge, payWith } from './payer.ts'
import { mppx } from './peers.ts'
import { openCounter, protocols } from './seller.ts'
import * as terms from './terms.ts'

/** What signatures are recovered by decides how much faster we can be. */
const FASTER = { native: 18, wasm: 6, js: 1 }[recoveryEngine()]

/** An x402 v2 credential of an ordinary account, before its payment is claimed. */
export async function x402Authorization(chain: EvmChain): Promise<Comparison> {
  const payer = await createEvmPayer(chain)
  const { challenge } = await openCounter(protocols.x402)
  const connect = (fetch: typeof globalThis.fetch) => x402V2(payer.privateKey, chain.chainId, fetch)
  const credential = await payWith(connect, challenge, 'payment-signature')
  return {
    title: 'x402: verify an EIP-3009 credential',
    cases: casesOf(credential, payer.address),
    contenders: [
      coffer(protocols.x402, 'payment-signature'),
      { name: 'viem verifyTypedData', note: 'the signature alone', target: FASTER, prepare: prepareViem },
      {
        name: '@x402/evm facilitator, in process',
        note: 'also simulates the transfer on a local chain',
        prepare: (input) => prepareFacilitator(input, chain),
      },
    ],
  }
}

/** An MPP credential of the method `evm`, before its payment is claimed. */
export async function mppAuthorization(chain: EvmChain): Promise<Comparison> {
  const payer = await createEvmPayer(chain)
  const { challenge } = await openCounter(protocols.mpp)
  const connect = (fetch: typeof globalThis.fetch) => mppEvm(payer.privateKey, chain, fetch)
  const credential = await payWith(connect, challenge, 'authorization')
  return {
    title: 'MPP evm: verify an EIP-3009 credential',
    cases: casesOf(credential, payer.address),
    contenders: [
      coffer(protocols.mpp, 'authorization'),
      {
        name: 'mppx validateCredential',
        note: 'without comparing the route',
        target: FASTER,
        prepare: prepareMppx,
      },
    ],
  }
}

function casesOf(credential: string, payer: string): Comparison['cases'] {
  return [
    { input: credential, verdict: payer },
    { input: forge(credential, 'validBefore'), verdict: 'refused' },
  ]
}

/** From the header field to the verdict, as the gate does it. */
function coffer(factory: ProtocolFactory, field: string): Contender {
  return {
    name: 'Coffer',
    async prepare(input) {
      const { protocol, charge } = await openCounter(factory)
      const headers = new Headers({ [field]: input })
      return async () => {
        const credential = protocol.credential(headers)
        if (credential === null || 'kind' in credential) return 'unreadable'
        const verified = await protocol.verify(credential, charge)
        return 'kind' in verified ? 'refused' : verified.payer
      }
    },
  }
}

function prepareViem(input: string): Job {
  const { payload } = decode<{ payload: Signed }>(input)
  const { from, to, value, validAfter, validBefore, nonce } = payload.authorization
  const times = { validAfter: BigInt(validAfter), validBefore: BigInt(validBefore) }
  return async () => {
    const isValid = await verifyTypedData({
      address: from,
      domain: { ...terms.USDC.domain, chainId: terms.EVM_CHAIN, verifyingContract: terms.USDC.address },
      types: TYPES,
      primaryType: 'TransferWithAuthorization',
      message: { from, to, value: BigInt(value), ...times, nonce },
      signature: payload.signature,
    })
    return isValid ? from.toLowerCase() : 'refused'
  }
}

function prepareFacilitator(input: string, chain: EvmChain): Job {
  const facilitator = createFacilitator(chain, `0x${'1'.repeat(64)}`)
  const payload = decode<PaymentPayload>(input)
  return async () => {
    const { isValid, payer } = await facilitator.verify(payload, payload.accepted)
    return isValid && payer !== undefined ? payer.toLowerCase() : 'refused'
  }
}

function prepareMppx(input: string): Job {
  return async () => {
    try {
      const { details } = await mppx.validateCredential(input)
      return String((details as { payer?: string }).payer).toLowerCase()
    } catch {
      return 'refused'
    }
  }
}

/** What a credential of the scheme `exact` carries. */
interface Signed {
  readonly signature: Hex
  readonly authorization: Readonly<
    Record<'from' | 'to' | 'nonce', Hex> & Record<'value' | 'validAfter' | 'validBefore', string>
  >
}

const TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const
