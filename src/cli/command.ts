/** A command of `coffer`. */
export interface Command {
  readonly name: string
  /** What it does, in a line. */
  readonly summary: string
  /** How it is called, after its name: `--store <url>`. */
  readonly usage: string
  /** Its options, as `parseArgs` of `node:util` takes them. */
  readonly options: Readonly<Record<string, CommandOption>>
  /** Does it. What it returns is the exit code, of {@link EXIT}. */
  run(call: CommandCall): Promise<number>
}

/** An option of a command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** May be given more than once. */
  readonly multiple?: boolean
  /** What it does, in a line. */
  readonly help: string
}

/** What a command is called with. */
export interface CommandCall {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  /** What is no option, in order. */
  readonly rest: readonly string[]
  readonly terminal: Terminal
}

/** Where a command reads and writes. */
export interface Terminal {
  /** Standard output: results. */
  out(text: string): void
  /** Standard error: progress, and what went wrong. */
  err(text: string): void
  /** Standard output, as bytes. Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>
  /** Standard input, to its end. */
  input(): AsyncIterable<Uint8Array>
  /** Asks a person for a secret, which is not shown while it is typed. `null` when there is nobody to ask. */
  askSecret(question: string): Promise<string | null>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a person is watching, so that progress may be shown. */
  readonly isInteractive: boolean
  /** Aborts when the program is asked to end. */
  readonly signal: AbortSignal
}

/** What exit codes mean. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** It was tried and did not work. */
  failed: 1,
  /** The command line makes no sense: nothing was tried. */
  usage: 2,
  /** Nothing was paid, because a limit or a policy of the caller forbids it. */
  refused: 3,
  /** Money may have moved and nobody knows: the same call again finds out, and pays nothing twice. */
  unknown: 4,
} as const

/** The command line makes no sense. Its message is for people. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The variable that an option names is not there. Its name is not repeated: what was typed may be the secret itself. */
export function noVariable(option: string): never {
  throw new UsageError(`--${option}: expected the name of an environment variable that is set`)
}

/** The text of an option that must be there. */
export function required(values: CommandCall['values'], name: string, fallback?: string): string {
  const value = values[name] ?? fallback
  if (typeof value === 'string' && value !== '') return value
  throw new UsageError(`--${name} is missing`)
}
