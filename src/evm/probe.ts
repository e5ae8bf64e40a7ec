import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import { decodeWords, quantity } from './abi.ts'
import { type Rpc, RpcError } from './rpc.ts'

/** A call to try without a transaction. */
export interface Trial {
  readonly to: Address
  readonly data: Hex
  /** Most gas that the contract may use; a wallet that burns gas burns no more. At most 16 million. */
  readonly gas: bigint
}

/** What came of a {@link Trial}. */
export interface Outcome {
  /** Whether there is a contract at the address. */
  readonly hasCode: boolean
  /** Whether the call returned; false when it reverted or ran out of gas. */
  readonly returned: boolean
  /** First 32 bytes of what it returned; `null` when it returned fewer, or reverted. */
  readonly word: bigint | null
}

/**
 * Tries a call at the latest block. Nodes report a revert in as many ways as there are nodes, next to failures of their
 * own. So the call is made from inside the EVM, by code that cannot revert: whatever error comes back from the node is
 * the node's, and whatever a hostile contract does costs `gas` and 32 bytes.
 *
 * @throws RpcError
 */
export async function tryCall(rpc: Rpc, { to, data, gas }: Trial): Promise<Outcome> {
  // EIP-150 keeps back 1/64 of the gas; the rest is for the code around the call.
  const limit = quantity(gas + gas / 32n + 500_000n)
  const answer = await rpc.request('eth_call', [{ data: probeCode(to, data, gas), gas: limit }, 'latest'])
  const [returned, codeSize, size, first] = decodeWords(answer) ?? []
  if (returned === undefined || codeSize === undefined || size === undefined || first === undefined) {
    throw new RpcError('error', 'The RPC endpoint does not run calls without a recipient.')
  }
  return {
    hasCode: codeSize > 0n,
    returned: returned === 1n,
    word: returned === 1n && size >= 32n ? first : null,
  }
}

/**
 * Creation code that copies the call data behind it to memory at 0x80, makes the call, and returns four words:
 * success, code size of the target, size of the returned data, its first word.
 */
function probeCode(to: Address, data: Hex, gas: bigint): Hex {
  const length = hex((data.length - 2) / 2, 2)
  const target = to.slice(2)
  const code = (offset: string): string =>
    [
      `61${length} 61${offset} 6080 39`, // CODECOPY(0x80, offset, length)
      `6020 6060 61${length} 6080 6000 73${target} 63${hex(Number(gas), 4)} f1`, // CALL(gas, target, 0, 0x80, length, 0x60, 32)
      '6000 52', // memory[0x00] = success
      `73${target} 3b 6020 52`, // memory[0x20] = EXTCODESIZE(target)
      '3d 6040 52', // memory[0x40] = RETURNDATASIZE
      '6080 6000 f3', // RETURN(0, 0x80)
    ]
      .join('')
      .replaceAll(' ', '')
  return `0x${code(hex(code('0000').length / 2, 2))}${data.slice(2)}`
}

function hex(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0')
}
