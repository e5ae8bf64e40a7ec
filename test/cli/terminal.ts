import { runCli } from '../../src/cli/cli.ts'

/** What a command has written, and the code it ended with. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command as from a shell without a person. */
export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await runCli(args, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    write: async (bytes) => {
      out += Buffer.from(bytes).toString('utf8')
    },
    input: async function* () {},
    askSecret: async () => null,
    env,
    isInteractive: false,
    signal: new AbortController().signal,
  })
  return { code, out, err }
}
