import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { type Command, EXIT, type Terminal, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { nearest } from './nearest.ts'

/**
 * Runs the command line.
 *
 * @param args - What stands behind `coffer`.
 * @returns The exit code. Never throws: what goes wrong is written to standard error, in a line.
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview())
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  if (name === 'version' || name === '--version' || name === '-V') {
    terminal.out(`${version()}\n`)
    return EXIT.ok
  }
  const command = commands.find((each) => each.name === name)
  if (command === undefined) {
    const names = commands.map((each) => each.name)
    terminal.err(`coffer: there is no command ${name}.${suggest(name, names)} Try: coffer help\n`)
    return EXIT.usage
  }
  try {
    const { values, positionals } = parse(command, rest)
    if (values['help'] === true) {
      terminal.out(helpOf(command))
      return EXIT.ok
    }
    return await command.run({ values, rest: positionals, terminal })
  } catch (error) {
    terminal.err(`coffer ${name}: ${messageOf(error)}\n`)
    if (!(error instanceof UsageError)) return EXIT.failed
    terminal.err(`usage: coffer ${name} ${command.usage}\n`)
    return EXIT.usage
  }
}

function parse({ options }: Command, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
  } catch (error) {
    const [, typed] = /^Unknown option '(-[^']*)'/.exec(messageOf(error)) ?? []
    if (typed === undefined) throw new UsageError(messageOf(error))
    const names = Object.keys(options).map((each) => `--${each}`)
    throw new UsageError(`there is no option ${typed}.${suggest(typed, names)}`)
  }
}

function suggest(typed: string, names: readonly string[]): string {
  const meant = nearest(typed, names)
  return meant === null ? '' : ` Did you mean ${meant}?`
}

/** By its own name, which it has in the sources as when it is installed. */
function version(): string {
  const { version: text } = createRequire(import.meta.url)('coffer/package.json') as { version: string }
  return text
}

/** What went wrong, with what caused it: a stack helps nobody here. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`
  const parts = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : ''
  return (error.message || parts || error.name) + cause
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Charges agents per request, and pays for them.

usage: coffer <command> [options]
       coffer --version

${lines.join('\n')}

coffer <command> --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by your own limits,
4 nobody knows yet (call it again: nothing is paid twice).
`
}

function helpOf({ name, summary, usage, options }: Command): string {
  const names = Object.entries(options).map(([long, { short, type, help }]) => {
    const flag = `${short === undefined ? '    ' : `-${short}, `}--${long}${type === 'string' ? ' <…>' : ''}`
    return [flag, help] as const
  })
  const width = Math.max(0, ...names.map(([flag]) => flag.length))
  const lines = names.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}\n`)
  return `${summary}\n\nusage: coffer ${name} ${usage}\n\n${lines.join('')}`
}
