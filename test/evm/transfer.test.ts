import { privateKeyToAddress } from 'viem/accounts'
import { expect, test } from 'vitest'
import type { Authorization } from '../../src/evm/authorization.ts'
import { baseSepolia } from '../../src/evm/network.ts'
import { checkTransfer } from '../../src/evm/transfer.ts'
import { parseAddress } from '../../src/payments/address.ts'
import { devKeys } from '../chains/anvil.ts'
import { authorize, SELLER, signTransfer } from './signing.ts'

const network = baseSepolia({
  settle: {
    name: 'none',
    verify: () => Promise.reject(new Error('not here')),
    settle: () => Promise.reject(new Error('not here')),
  },
})
const payer = {
  privateKey: devKeys[0],
  address: parseAddress(privateKeyToAddress(devKeys[0])) ?? '0x',
} as const
const now = Date.now()
const seconds = BigInt(Math.floor(now / 1000))

const check = async (more: Partial<Authorization>, signer = payer) => {
  const transfer = await signTransfer(network, signer, authorize(payer, more))
  return checkTransfer(transfer, { amount: 1_000_000n, recipient: SELLER, now, settlesLater: false })
}

test.each<[string, Partial<Authorization>]>([
  ['as asked', {}],
  ['valid for just long enough', { validBefore: seconds + 6n }],
  ['valid since a second ago', { validAfter: seconds - 1n }],
  ['valid until the year 9999', { validBefore: 253_402_300_799n }],
])('a transfer %s is right', async (_, more) => {
  expect(await check(more)).toBeNull()
})

test.each<[Partial<Authorization>, string, string]>([
  [{ to: payer.address }, 'verification-failed', 'recipient_mismatch'],
  [{ value: 999_999n }, 'insufficient-payment', 'payload_authorization_value_mismatch'],
  [{ value: 0n }, 'insufficient-payment', 'payload_authorization_value_mismatch'],
  [{ value: 1_000_001n }, 'verification-failed', 'payload_authorization_value_mismatch'],
  [{ validBefore: seconds + 5n }, 'challenge-expired', 'payload_authorization_valid_before'],
  [{ validBefore: seconds - 1n }, 'challenge-expired', 'payload_authorization_valid_before'],
  [{ validAfter: seconds }, 'verification-failed', 'payload_authorization_valid_after'],
  [{ validAfter: seconds + 9n }, 'verification-failed', 'payload_authorization_valid_after'],
])('%o is refused', async (more, reason, cause) => {
  expect(await check(more)).toMatchObject({ reason, cause: `invalid_exact_evm_${cause}` })
})

test('a validBefore past 256 bits is refused, not wrapped', async () => {
  const transfer = await signTransfer(network, payer, authorize(payer))
  const authorization = { ...transfer.authorization, validBefore: 2n ** 256n }
  const refusal = await checkTransfer(
    { ...transfer, authorization },
    { amount: 1_000_000n, recipient: SELLER, now, settlesLater: false },
  )
  expect(refusal).toMatchObject({ reason: 'verification-failed' })
})

test('a signature for another chain, asset, nonce or value is refused', async () => {
  const transfer = await signTransfer(network, payer)
  const expected = { amount: 1_000_000n, recipient: SELLER, now, settlesLater: false } as const
  const { asset, authorization } = transfer
  const { nonce } = authorize(payer)
  for (const changed of [
    { ...transfer, network: { ...network, id: 'eip155:8453' as const } },
    { ...transfer, asset: { ...asset, address: payer.address } },
    { ...transfer, asset: { ...asset, eip712: { name: 'USD Coin', version: '2' } } },
    { ...transfer, authorization: { ...authorization, nonce } },
    { ...transfer, authorization: { ...authorization, from: SELLER } as Authorization },
    { ...transfer, authorization: { ...authorization, validAfter: 1n } },
  ]) {
    expect(await checkTransfer(changed, expected)).toMatchObject({
      reason: 'verification-failed',
      cause: 'invalid_exact_evm_signature',
    })
  }
  expect(await checkTransfer(transfer, expected)).toBeNull()
})

test('no part of the signature stands in a refusal', async () => {
  const transfer = await signTransfer(network, payer)
  const refusal = await checkTransfer(
    { ...transfer, authorization: { ...transfer.authorization, validAfter: 1n } },
    { amount: 1_000_000n, recipient: SELLER, now, settlesLater: false },
  )
  expect(JSON.stringify(refusal)).not.toContain(transfer.signature.slice(2, 20))
})
