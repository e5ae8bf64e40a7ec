import { mpp } from 'coffer/mpp'
import { Challenge, Credential } from 'mppx'
import type { EvmChain } from '../test/chains/evm.ts'
import { mppEvm } from '../test/clients/official.ts'
import { createEvmPayer } from '../test/clients/payers.ts'
import type { Comparison, Job } from './harness.ts'
import { forge, payWith } from './payer.ts'
import { evmMethod, openCounter, protocols } from './seller.ts'
import * as terms from './terms.ts'

/** Whether the challenge that an MPP credential answers is our own: no challenge is stored, an HMAC tells. */
export async function challengeId(chain: EvmChain): Promise<Comparison> {
  const payer = await createEvmPayer(chain)
  const { challenge } = await openCounter(protocols.mpp)
  const connect = (fetch: typeof globalThis.fetch) => mppEvm(payer.privateKey, chain, fetch)
  const credential = await payWith(connect, challenge, 'authorization')
  return {
    title: 'MPP: verify the challenge of a credential',
    cases: [
      { input: credential, verdict: 'ours' },
      { input: forge(credential, 'id'), verdict: 'not ours' },
    ],
    contenders: [
      { name: 'Coffer', note: 'also compares realm, request, route, expiry', prepare: prepareCoffer },
      { name: 'mppx Challenge.verify', note: 'the HMAC alone', prepare: prepareMppx },
    ],
  }
}

/** The protocol with a method that takes every payload. */
async function prepareCoffer(input: string): Promise<Job> {
  const taken = {
    kind: 'refusal',
    reason: 'settlement-unavailable',
    detail: 'This is as far as we go.',
  } as const
  const { protocol, charge } = await openCounter(
    mpp({ methods: [{ ...evmMethod, verify: async () => taken }] }),
  )
  const credential = protocol.credential(new Headers({ authorization: input }))
  if (credential === null || 'kind' in credential) throw new Error('the credential is not readable')
  return async () => ((await protocol.verify(credential, charge)) === taken ? 'ours' : 'not ours')
}

function prepareMppx(input: string): Job {
  const { challenge } = Credential.deserialize(input)
  return () => (Challenge.verify(challenge, { secretKey: terms.SECRET }) ? 'ours' : 'not ours')
}
