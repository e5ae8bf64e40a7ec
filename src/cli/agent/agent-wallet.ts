import { existsSync } from 'node:fs'
import type { Signer } from '../../client.ts'
import { type Hex, openKeyFile, readKeyFileAddress } from '../../client-node.ts'
import { type CommandCall, type CommandOption, noVariable, type Terminal, UsageError } from '../command.ts'
import { fileOf, fileOptions } from './agent-files.ts'
import { passphraseOptions, readPassphrase } from './passphrase.ts'

/** Who pays. */
export const walletOptions = {
  wallet: fileOptions.wallet,
  'key-env': {
    type: 'string',
    help: 'environment variable with a private key, default COFFER_PRIVATE_KEY, where there is no --wallet',
  },
  ...passphraseOptions,
} as const satisfies Record<string, CommandOption>

/** A wallet whose key stays closed until something is to be signed. */
export interface AgentWallet {
  readonly signer: Signer
  /**
   * Opens the key, so that what is signed later waits for nobody.
   *
   * @param why - What it is opened for, when a person is asked.
   * @throws UsageError; CofferError `invalid-key-file`.
   */
  unlock(why?: string): Promise<unknown>
}

type Call = Pick<CommandCall, 'values' | 'terminal'>

/**
 * The wallet of an agent: `--wallet`, else the key of the environment, else the key file of the agent's own folder.
 *
 * @throws UsageError when there is none; CofferError `invalid-key-file`.
 */
export async function openWallet(call: Call): Promise<AgentWallet> {
  const { values, terminal } = call
  const { wallet, 'key-env': named } = values
  if (wallet !== undefined && named !== undefined) throw new UsageError('--wallet and --key-env: one of them')
  const name = typeof named === 'string' ? named : 'COFFER_PRIVATE_KEY'
  const isGiven = named !== undefined || (wallet === undefined && Boolean(terminal.env[name]))
  if (isGiven) return fromKey(readKey(name, terminal), name)
  const path = fileOf('wallet', call)
  if (!existsSync(path))
    throw new UsageError(`there is no wallet at ${path}: make one with coffer wallet new, or set --wallet`)
  const address = await readKeyFileAddress(path)
  let opened: Promise<Signer> | null = null
  const open = (why = ''): Promise<Signer> => {
    opened ??= readPassphrase(call, `Passphrase of ${path}${why}: `).then((passphrase) =>
      openKeyFile(path, passphrase),
    )
    return opened
  }
  return { signer: lazySigner(address, open), unlock: open }
}

/** A private key of the environment. @throws UsageError, which never repeats it. */
export function readKey(name: string, { env }: Terminal): Hex {
  const text = env[name]
  if (text === undefined || text === '') return noVariable('key-env')
  const [, digits] = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim()) ?? []
  if (digits !== undefined) return `0x${digits}`
  throw new UsageError(`${name} is no private key: expected 32 bytes of hexadecimal`)
}

async function fromKey(key: Hex, name: string): Promise<AgentWallet> {
  const { privateKeyToAccount } = await import('viem/accounts')
  try {
    const signer = privateKeyToAccount(key)
    return { signer, unlock: async () => signer }
  } catch {
    // What a library says of a key may repeat it.
    throw new UsageError(`${name} is no private key of secp256k1`)
  }
}

/** Signs with a key that is opened when it is needed. */
function lazySigner(address: Signer['address'], open: () => Promise<Signer>): Signer {
  return {
    address,
    signTypedData: async (data) => (await open()).signTypedData(data),
    signMessage: async (parameters) => (await open()).signMessage?.(parameters) ?? '0x',
    signTransaction: async (...given) => (await open()).signTransaction?.(...given) ?? '0x',
  }
}
