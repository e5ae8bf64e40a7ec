import { existsSync } from 'node:fs'
import { createKeyFile } from '../client-node.ts'
import { fileOf, fileOptions, makeHome } from './agent/agent-files.ts'
import { policyOptions, readEndpoints } from './agent/agent-options.ts'
import { openWallet, readKey } from './agent/agent-wallet.ts'
import { type Balance, readBalances } from './agent/balances.ts'
import { passphraseOptions, readPassphrase } from './agent/passphrase.ts'
import { type Command, type CommandCall, EXIT, UsageError } from './command.ts'
import { printable } from './show/field-list.ts'
import { showNetwork } from './show/network-name.ts'

/** `coffer wallet`: the key file of an agent. */
export const wallet: Command = {
  name: 'wallet',
  summary: 'Makes an encrypted key file for an agent, or shows its address and balances',
  usage: 'new [--wallet <file>] [--key-env <name>] | show [--wallet <file>] [--rpc <chain=url>] [--json]',
  options: {
    wallet: fileOptions.wallet,
    'key-env': {
      type: 'string',
      help: 'environment variable with a private key: for new, the one to encrypt instead of a new one',
    },
    rpc: policyOptions.rpc,
    json: { type: 'boolean', help: 'as one JSON object, for programs' },
    ...passphraseOptions,
  },
  async run(call) {
    const [verb, ...others] = call.rest
    if (others.length > 0) throw new UsageError('expected new or show')
    if (verb === 'new') return make(call)
    if (verb === 'show') return show(call)
    throw new UsageError('expected new or show')
  },
}

async function make(call: CommandCall): Promise<number> {
  const { values, terminal } = call
  const named = values['key-env']
  const key = typeof named === 'string' ? readKey(named, terminal) : undefined
  const path = fileOf('wallet', call)
  if (existsSync(path)) throw new Error(`there is a file at ${path} already: it stays as it is`)
  const passphrase = await readPassphrase(call, 'Passphrase of the new wallet, at least 8 characters: ')
  if (isAsked(call) && (await readPassphrase(call, 'The same again: ')) !== passphrase)
    throw new UsageError('the two differ: nothing was made')
  makeHome(path, terminal)
  const address = await createKeyFile(path, passphrase, key)
  terminal.out(
    values['json'] === true ? `${JSON.stringify({ address, file: path }, null, 2)}\n` : `${address}\n`,
  )
  terminal.err(`coffer wallet: ${printable(path)} is made; without its passphrase what it holds is lost\n`)
  return EXIT.ok
}

/** Whether a person types the passphrase, who may mistype it. */
function isAsked({ values, terminal }: CommandCall): boolean {
  const name = values['passphrase-env']
  return values['passphrase-fd'] === undefined && name === undefined && !terminal.env['COFFER_PASSPHRASE']
}

async function show(call: CommandCall): Promise<number> {
  const { values, terminal } = call
  const address = await addressOf(call)
  const balances = await readBalances(address, readEndpoints(call))
  if (values['json'] === true) terminal.out(`${JSON.stringify({ address, balances }, null, 2)}\n`)
  else terminal.out(`${address}\n${balances.map(formatBalance).join('')}`)
  return balances.some(({ error }) => error !== null) ? EXIT.failed : EXIT.ok
}

/** The address alone: nobody is asked for a passphrase. */
async function addressOf(call: CommandCall): Promise<`0x${string}`> {
  const { signer } = await openWallet(call)
  return signer.address.toLowerCase() as `0x${string}`
}

function formatBalance({ network, symbol, amount, error }: Balance): string {
  return `  ${amount === null ? `? ${symbol}` : `${amount} ${symbol}`}  on ${showNetwork(network)}${error === null ? '' : `: ${error}`}\n`
}
