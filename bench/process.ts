import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A script of this folder in a process of its own, which answers what it is asked: {@link answerParent}. */
export interface Process<Ready = unknown> {
  /** What it said when it was ready. */
  readonly ready: Ready
  /** Asks one thing; the next only after the answer. Rejects when the process ends before it. */
  ask<Answer>(what: unknown): Promise<Answer>
}

/** Processes that end together. */
export interface Processes {
  /** Starts one, and waits until it is ready. */
  start<Ready>(script: string, ...args: readonly string[]): Promise<Process<Ready>>
  /** Ends them all at once, ready or not. */
  stop(): void
}

/** @param execArgv - Options for Node. */
export function openProcesses(execArgv: readonly string[] = []): Processes {
  const children: ChildProcess[] = []
  return {
    async start<Ready>(script: string, ...args: readonly string[]) {
      const path = fileURLToPath(new URL(script, import.meta.url))
      const child = fork(path, args, { execArgv: [...execArgv] })
      children.push(child)
      // Not `exit`, which may come before what it has said.
      const ended = once(child, 'disconnect').then(() => {
        throw new Error(`${script} has ended`)
      })
      ended.catch(() => {})
      const said = async (): Promise<unknown> => (await Promise.race([once(child, 'message'), ended]))[0]
      return {
        ready: (await said()) as Ready,
        ask<Answer>(what: unknown) {
          const answer = said()
          // One that has ended cannot be sent anything, which `said` tells, too.
          child.send(what as never, () => {})
          return answer as Promise<Answer>
        },
      }
    },
    stop() {
      for (const child of children) child.kill('SIGKILL')
    },
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
