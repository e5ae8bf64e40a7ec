import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { ReadStream } from 'node:tty'
import type { Terminal } from './command.ts'

/**
 * The terminal, or the pipes, of this process.
 *
 * @param stopping - Aborts when the process is asked to end.
 */
export function createTerminal(stopping: AbortController): Terminal {
  const { stdin, stdout, stderr, env } = process
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    async write(bytes) {
      if (!stdout.write(bytes)) await once(stdout, 'drain', { signal: stopping.signal })
    },
    input: () => stdin,
    env,
    isInteractive: stderr.isTTY,
    signal: stopping.signal,

    async askSecret(question) {
      const input = openKeyboard()
      if (input === null) return null
      // What is typed is echoed into nothing.
      const output = new Writable({ write: (_chunk, _encoding, done) => done() })
      const lines = createInterface({ input, output, terminal: true })
      lines.once('SIGINT', () => stopping.abort(new Error('interrupted')))
      lines.once('close', () => stopping.abort(new Error('nothing was typed')))
      stderr.write(question)
      try {
        const answer = await lines.question('', { signal: stopping.signal })
        lines.removeAllListeners('close')
        return answer
      } catch {
        throw stopping.signal.reason
      } finally {
        lines.close()
        if (input !== stdin) input.destroy()
        stderr.write('\n')
      }
    },
  }
}

/** The keyboard of whoever sits there, also when standard input is something else; `null` when nobody does. */
function openKeyboard(): ReadStream | null {
  if (process.stdin.isTTY) return process.stdin
  try {
    return new ReadStream(openSync('/dev/tty', 'r'))
  } catch {
    return null
  }
}
