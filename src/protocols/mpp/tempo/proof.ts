import { keccak_256 } from '@noble/hashes/sha3.js'
import { word } from '../../../evm/abi.ts'
import { type Rpc, RpcError } from '../../../evm/rpc.ts'
import { recoverSigner } from '../../../evm/signature.ts'
import { utf8 } from '../../../lib/bytes.ts'
import { fromHex, type Hex, toHex } from '../../../lib/hex.ts'
import type { Address } from '../../../payments/address.ts'

/** What a payer signs for a zero price: who it is, and which challenge of which realm it answers. */
export interface Proof {
  readonly account: Address
  readonly challengeId: string
  readonly realm: string
  /** EVM chain number. */
  readonly chainNumber: number
}

const DOMAIN_TYPE = hash('EIP712Domain(string name,string version,uint256 chainId)')
const PROOF_TYPE = hash('Proof(address account,string challengeId,string realm)')
const NAME = hash('MPP')
const VERSION = hash('3')

/** EIP-712 digest of a proof, in the domain `MPP` version 3. */
export function proofDigest({ account, challengeId, realm, chainNumber }: Proof): Uint8Array {
  const domain = hashWords([DOMAIN_TYPE, NAME, VERSION, BigInt(chainNumber)])
  const message = hashWords([PROOF_TYPE, account, hash(challengeId), hash(realm)])
  return keccak_256(fromHex(`0x1901${domain.slice(2)}${message.slice(2)}`))
}

/**
 * Whether the account signed the proof. Plain keys are recognized at once; passkeys, access keys and contract wallets
 * are looked up on the chain.
 *
 * @throws RpcError
 */
export async function isSigned(proof: Proof, signature: Hex, rpc: Rpc): Promise<boolean> {
  const digest = proofDigest(proof)
  if (recoverSigner(digest, signature) === proof.account) return true
  return verifyOnChain(proof, toHex(digest), signature, rpc)
}

async function verifyOnChain(
  { account, chainNumber }: Proof,
  hash: Hex,
  signature: Hex,
  rpc: Rpc,
): Promise<boolean> {
  const [{ createClient, custom }, { verifyHash }, { tempo }] = await Promise.all([
    import('viem'),
    import('viem/actions'),
    import('viem/tempo/chains'),
  ])
  let failure: RpcError | null = null
  const transport = custom(
    {
      request: ({ method, params }) =>
        rpc.request(method, params ?? []).catch((error: unknown) => {
          if (error instanceof RpcError && error.failure !== 'error') failure = error
          throw error
        }),
    },
    { retryCount: 0 },
  )
  const client = createClient({ chain: { ...tempo, id: chainNumber }, transport })
  const verified = await verifyHash(client, {
    address: account,
    hash,
    signature,
    mode: 'allowAccessKey',
  }).catch(() => false)
  if (failure !== null) throw failure
  return verified
}

function hash(text: string): Hex {
  return toHex(keccak_256(utf8(text)))
}

function hashWords(words: readonly (bigint | Hex)[]): Hex {
  return toHex(keccak_256(fromHex(`0x${words.map(word).join('')}`)))
}
