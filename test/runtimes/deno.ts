/** What tests run under Deno, and what those programs use of its globals: its own types would be everybody's. */
import type { DenoKv } from '../../src/stores/deno-kv-client.ts'

/** How a program is run under Deno: for `fork`. */
export interface DenoCommand {
  readonly execPath: string
  readonly execArgv: string[]
}

/** From source, with the packages of this repository, and without the network. */
export function denoCommand(execPath: string): DenoCommand {
  const offline = ['--no-lock', '--node-modules-dir=manual', '--cached-only']
  return { execPath, execArgv: ['run', '--allow-all', '--unstable-kv', ...offline] }
}

/** A database, and what the store and the bus leave to its owner. */
export type OpenKv = DenoKv & { close(): void }

/** The global `Deno`; only under Deno. */
export const deno = (
  globalThis as unknown as {
    Deno: {
      readonly args: readonly string[]
      exit(): never
      openKv(path: string): Promise<OpenKv>
      serve(
        options: { port: number; hostname: string; onListen(address: { port: number }): void },
        handler: (request: Request) => Response | Promise<Response>,
      ): { shutdown(): Promise<void> }
    }
  }
).Deno
