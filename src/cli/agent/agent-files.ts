import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type CommandCall, type CommandOption, type Terminal, UsageError } from '../command.ts'

/** Where an agent keeps its key and its journal. */
export const fileOptions = {
  wallet: {
    type: 'string',
    help: 'key file; default COFFER_WALLET, or wallet.json in COFFER_HOME (~/.coffer)',
  },
  agent: {
    type: 'string',
    help: 'file of attempts, sums and sessions; default COFFER_AGENT, or agent.db in COFFER_HOME',
  },
} as const satisfies Record<string, CommandOption>

/**
 * Path of the key file or of the journal: the option, the environment, or the file in the agent's own folder.
 *
 * @throws UsageError.
 */
export function fileOf(
  name: keyof typeof fileOptions,
  { values, terminal }: Pick<CommandCall, 'values' | 'terminal'>,
): string {
  // Such as a variable of a shell that is not set: the default would be somebody else's.
  if (values[name] === '') throw new UsageError(`--${name}: expected a file`)
  const given = values[name] ?? terminal.env[`COFFER_${name.toUpperCase()}`]
  return typeof given === 'string' && given !== '' ? given : join(home(terminal), FILES[name])
}

/** Makes the agent's own folder, which only its owner may look into; other folders are their owner's to make. */
export function makeHome(path: string, terminal: Terminal): void {
  const folder = home(terminal)
  if (!Object.values(FILES).some((file) => path === join(folder, file))) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
}

const FILES = { wallet: 'wallet.json', agent: 'agent.db' } as const

function home({ env }: Terminal): string {
  const given = env['COFFER_HOME']
  return given === undefined || given === '' ? join(homedir(), '.coffer') : given
}
