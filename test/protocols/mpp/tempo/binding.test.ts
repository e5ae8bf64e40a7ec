import fc from 'fast-check'
import { Proof } from 'mppx/tempo'
import { hashTypedData, toHex } from 'viem'
import { expect, test } from 'vitest'
import * as Attribution from '../../../../node_modules/mppx/dist/tempo/Attribution.js'
import type { Hex } from '../../../../src/lib/hex.ts'
import { parseSource } from '../../../../src/protocols/mpp/source.ts'
import { isBoundMemo } from '../../../../src/protocols/mpp/tempo/memo.ts'
import { proofDigest } from '../../../../src/protocols/mpp/tempo/proof.ts'

const text = fc.string({ unit: 'grapheme' })
const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)
const chainNumber = fc.integer({ min: 1, max: 2 ** 48 })

test('the digest of a proof is the one that mppx signs', () => {
  fc.assert(
    fc.property(address, text, text, chainNumber, (account, challengeId, realm, chainId) => {
      const expected = hashTypedData(Proof.typedData({ account, chainId, challengeId, realm }))
      expect(toHex(proofDigest({ account, challengeId, realm, chainNumber: chainId }))).toBe(expected)
    }),
  )
})

test('the memo of mppx is bound to its realm and challenge, and to no other', () => {
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.option(text, { nil: undefined }),
      (realm, challengeId, other, clientId) => {
        fc.pre(other !== realm && other !== challengeId)
        const memo = Attribution.encode({ challengeId, serverId: realm, clientId }) as Hex
        expect(isBoundMemo(memo, realm, challengeId)).toBe(true)
        expect(isBoundMemo(memo.toUpperCase().replace('0X', '0x') as Hex, realm, challengeId)).toBe(true)
        expect(isBoundMemo(memo, other, challengeId)).toBe(false)
        expect(isBoundMemo(memo, realm, other)).toBe(false)
        expect(isBoundMemo(`${memo}00`, realm, challengeId)).toBe(false)
        expect(isBoundMemo(memo.replace('0xef1ed71201', '0xef1ed71202') as Hex, realm, challengeId)).toBe(
          false,
        )
      },
    ),
  )
})

test('the source that mppx names the payer with is read', () => {
  fc.assert(
    fc.property(address, chainNumber, (account, chainId) => {
      const source = Proof.proofSource({ address: account, chainId })
      expect(parseSource(source)).toEqual({ chain: `eip155:${chainId}`, address: account })
    }),
  )
  for (const source of ['', 'did:pkh:eip155:01:0x', 'did:pkh:solana:x:y', 'did:pkh:eip155:1:0x12']) {
    expect(parseSource(source)).toBeNull()
  }
  fc.assert(fc.property(fc.string(), (source) => void parseSource(source)))
})
