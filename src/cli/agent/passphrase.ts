import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { type CommandCall, type CommandOption, noVariable, UsageError } from '../command.ts'

/** Where the passphrase of a key file comes from. */
export const passphraseOptions = {
  'passphrase-env': {
    type: 'string',
    help: 'environment variable with the passphrase, default COFFER_PASSPHRASE',
  },
  'passphrase-fd': { type: 'string', help: 'file descriptor to read the passphrase from' },
} as const satisfies Record<string, CommandOption>

/**
 * The passphrase of a key file: from a file descriptor, the environment, or whoever sits at the terminal.
 *
 * @throws UsageError when there is none.
 */
export async function readPassphrase(
  { values, terminal }: Pick<CommandCall, 'values' | 'terminal'>,
  question: string,
): Promise<string> {
  const fd = values['passphrase-fd']
  if (typeof fd === 'string') return fromDescriptor(fd)
  const name = values['passphrase-env']
  const found = terminal.env[typeof name === 'string' ? name : 'COFFER_PASSPHRASE']
  if (found !== undefined && found !== '') return found
  if (typeof name === 'string') return noVariable('passphrase-env')
  const answer = await terminal.askSecret(question)
  if (answer !== null) return answer
  throw new UsageError('there is no terminal to ask for the passphrase: set COFFER_PASSPHRASE')
}

async function fromDescriptor(text: string): Promise<string> {
  const fd = Number(text)
  if (!/^\d{1,4}$/.test(text)) throw new UsageError('--passphrase-fd: expected a number')
  const bytes = await buffer(createReadStream('', { fd })).catch(() => {
    throw new UsageError(`--passphrase-fd: ${fd} cannot be read`)
  })
  // One line, as `pass show` and `echo` write it.
  return bytes.toString('utf8').replace(/\r?\n$/, '')
}
