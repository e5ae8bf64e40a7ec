import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A script of this folder in a process of its own, which answers what it is asked: {@link answerParent}. */
export interface Process<Ready> {
  /** What it said when it was ready. */
  readonly ready: Ready
  /** Asks one thing; the next only after the answer. Rejects when the process ends before it. */
  ask<Answer>(what: unknown): Promise<Answer>
  /** Ends it at once. */
  stop(): void
}

/** Starts a process, and waits until it is ready. */
export async function startProcess<Ready>(
  script: string,
  args: readonly string[] = [],
  execArgv: readonly string[] = [],
): Promise<Process<Ready>> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = fork(path, args, { execArgv: [...execArgv] })
  // Not `exit`, which may come before what it has said.
  const ended = once(child, 'disconnect').then(() => {
    throw new Error(`${script} has ended`)
  })
  ended.catch(() => {})
  const answer = async (): Promise<unknown> => (await Promise.race([once(child, 'message'), ended]))[0]
  const ready = answer()
  return {
    ready: (await ready) as Ready,
    ask<Answer>(what: unknown) {
      const answered = answer()
      child.send(what as never)
      return answered as Promise<Answer>
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

/** In the process itself: says that it is ready, answers its parent, and ends with it. */
export function answerParent<What>(ready: unknown, answer: (what: What) => unknown): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async (what) => process.send?.((await answer(what as What)) ?? null))
  process.send?.(ready)
}

/** Milliseconds on a clock that all processes of the machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6
