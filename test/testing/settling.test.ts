import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confirmPayment } from '../../src/evm/finality.ts'
import {
  type AuthorizedPayment,
  authorizationEvidence,
  reconcileAuthorization,
} from '../../src/evm/reconcile.ts'
import type { SignedTransfer } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import { createPayer, type Payer } from '../clients/payers.ts'
import { authorize, SELLER, signTransfer } from '../evm/signing.ts'
import { type World, worlds } from './worlds.ts'

const DOLLAR = 1_000_000n
const HASH = expect.stringMatching(/^0x[0-9a-f]{64}$/)
const SETTLED = { outcome: 'settled', transaction: HASH }
const causeOf = (cause: string) => expect.stringMatching(`^invalid_exact_evm_(?:${cause})$`)
const failed = (cause: string) => ({ outcome: 'failed', cause: causeOf(cause) })

/** The SDK's facilitator finds out why by a Multicall3 contract, which a local chain does not have. */
const NO_BALANCE = 'insufficient_balance|transaction_simulation_failed'

describe.each(worlds)('on %s', (_name, open) => {
  let world: World
  let payer: Payer
  beforeAll(async () => {
    world = await open()
    payer = await world.account(100n * DOLLAR)
  })
  afterAll(() => world?.stop())

  const seconds = (): bigint => BigInt(Math.floor(world.clock() / 1000))
  const signed = (
    more: Partial<SignedTransfer['authorization']> = {},
    signer = payer,
    network = world.network(),
  ) => signTransfer(network, signer, authorize(payer, { validBefore: seconds() + 300n, ...more }))
  const settle = (transfer: SignedTransfer): Promise<Settlement> => transfer.network.settler.settle(transfer)

  /** What moved while something was done. */
  async function moved(act: () => Promise<unknown>): Promise<bigint> {
    const before = await world.balanceOf(SELLER)
    await act()
    return (await world.balanceOf(SELLER)) - before
  }

  describe('a wallet', () => {
    it('settles, once', async () => {
      const transfer = await signed()
      expect(await moved(async () => expect(await settle(transfer)).toMatchObject(SETTLED))).toBe(DOLLAR)
      const again = async () => expect(await settle(transfer)).toMatchObject(failed('nonce_already_used'))
      expect(await moved(again)).toBe(0n)
    })

    it('settles ten at once', async () => {
      const transfers = await Promise.all(Array.from({ length: 10 }, () => signed()))
      const all = async () => {
        for (const settled of await Promise.all(transfers.map(settle))) expect(settled).toMatchObject(SETTLED)
      }
      expect(await moved(all)).toBe(10n * DOLLAR)
    })

    it('moves nothing that has expired, is not valid yet, is too much, or is signed by somebody else', async () => {
      const other = createPayer()
      const bad: readonly (readonly [Promise<SignedTransfer>, string])[] = [
        [signed({ validBefore: seconds() - 10n }), 'payload_authorization_valid_before'],
        [signed({ validAfter: seconds() + 1000n }), 'payload_authorization_valid_after'],
        [signed({ value: 1000n * DOLLAR }), 'insufficient_balance'],
        [signed({}, other), 'signature'],
      ]
      for (const [transfer, cause] of bad) {
        const refused = async () => expect(await settle(await transfer)).toMatchObject(failed(cause))
        expect(await moved(refused)).toBe(0n)
      }
    })

    it('moves nothing that was signed for a token of another name', async () => {
      const network = world.network()
      const [usdc] = network.assets
      if (!usdc) throw new Error('the network has no token')
      const renamed = { ...network, assets: [{ ...usdc, eip712: { name: 'USD Coin', version: '2' } }] }
      const transfer = await signed({}, payer, renamed)
      const refused = async () =>
        expect(await settle(transfer)).toMatchObject(failed('transaction_simulation_failed'))
      expect(await moved(refused)).toBe(0n)
    })

    it('without gas money, or with too dear a chain, sends nothing; with gas money it does', async () => {
      const poor = createPayer()
      const network = world.network(wallet(poor.privateKey))
      const transfer = await signed({}, payer, network)
      expect(await settle(transfer)).toMatchObject({
        outcome: 'unsent',
        detail: expect.stringMatching(/too little native currency/),
      })
      const stingy = world.network(wallet(poor.privateKey, { maxFeePerGas: 1n }))
      expect(await settle(await signed({}, payer, stingy))).toMatchObject({ outcome: 'unsent' })
      await world.giveGasMoney(poor.address)
      expect(await settle(transfer)).toMatchObject(SETTLED)
    })
  })

  describe('a facilitator', () => {
    const network = () => world.network(world.facilitator())

    it('verifies what it would settle, and settles it, once', async () => {
      const transfer = await signed({}, payer, network())
      const { settler } = transfer.network
      expect(await settler.verify(transfer)).toBeNull()
      expect(await moved(async () => expect(await settle(transfer)).toMatchObject(SETTLED))).toBe(DOLLAR)
      expect(await settle(transfer)).toMatchObject(failed('nonce_already_used'))
      expect(await settler.verify(transfer)).toMatchObject({ reason: 'verification-failed' })
    })

    it.each<[string, () => Promise<SignedTransfer>, string]>([
      [
        'has expired',
        () => signed({ validBefore: seconds() - 10n }, payer, network()),
        'payload_authorization_valid_before',
      ],
      [
        'is not valid yet',
        () => signed({ validAfter: seconds() + 1000n }, payer, network()),
        'payload_authorization_valid_after',
      ],
      ['is more than there is', () => signed({ value: 1000n * DOLLAR }, payer, network()), NO_BALANCE],
      ['is signed by somebody else', () => signed({}, createPayer(), network()), 'signature'],
    ])('refuses what %s, with its reason', async (_what, transfer, cause) => {
      const bad = await transfer()
      expect(await bad.network.settler.verify(bad)).toMatchObject({
        reason: 'verification-failed',
        cause: causeOf(cause),
      })
      const refused = async () => expect(await settle(bad)).toMatchObject(failed(cause))
      expect(await moved(refused)).toBe(0n)
    })
  })

  // Last, because it takes chain time away from the SDK's facilitator, which goes by the machine's clock.
  describe('what became of a payment', () => {
    const asked = (
      { asset, authorization }: SignedTransfer,
      transfer: SignedTransfer,
    ): AuthorizedPayment => ({
      asset: asset.address,
      payer: authorization.from,
      recipient: authorization.to,
      amount: authorization.value.toString(),
      evidence: authorizationEvidence(transfer),
      transaction: null,
      claimedAt: world.clock(),
    })
    const ask = (transfer: SignedTransfer, more: Partial<AuthorizedPayment> = {}) =>
      reconcileAuthorization({ ...asked(transfer, transfer), ...more }, transfer.network)

    it('is known before and after it is settled, whoever settled it', async () => {
      const transfer = await signed()
      expect(await ask(transfer)).toMatchObject({ outcome: 'unsent' })
      const settled = await settle(transfer)
      expect(await ask(transfer)).toEqual(settled)
    })

    it('is a failure when it was used long before, or has expired unused', async () => {
      const used = await signed()
      await settle(used)
      const unused = await signed()
      await world.wait(400)
      await world.mine(10)
      expect(await ask(used)).toMatchObject(failed('nonce_already_used'))
      expect(await ask(unused)).toMatchObject(failed('payload_authorization_valid_before'))
    })

    it('is final when enough blocks have come', async () => {
      const network = { ...world.network(), finality: 5n }
      const transfer = await signed({}, payer, network)
      const settled = await settle(transfer)
      if (settled.outcome !== 'settled') throw new Error(settled.outcome)
      const { transaction, block } = settled
      const payment = { ...asked(transfer, transfer), transaction, block }
      expect(await confirmPayment(payment, network)).toBe('pending')
      await world.mine(6)
      expect(await confirmPayment(payment, network)).toBe('final')
      const gone = { ...payment, transaction: `0x${'ab'.repeat(32)}`, block: null }
      expect(await confirmPayment(gone, network)).toBe('vanished')
    })
  })
})
