import { sha1 } from '@noble/hashes/legacy.js'
import { utf8 } from '../lib/bytes.ts'
import { within } from '../lib/deadline.ts'
import { toHex } from '../lib/hex.ts'
import { CofferError, invalidOption } from '../problems/error.ts'

/** What a store uses of a client of the package `redis`, or of a cluster or a pool of its. */
export interface NodeRedis {
  eval(script: string, options: ScriptInput): Promise<unknown>
  evalSha(sha1: string, options: ScriptInput): Promise<unknown>
}

/** What a store uses of a client of the package `ioredis`, or of its cluster. */
export interface IoRedis {
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** What a script works on, as `redis` wants it. */
export interface ScriptInput {
  keys: string[]
  arguments: string[]
}

/** Runs a script on the server, atomically. Answers with what it returns. */
export type RunScript = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>

/** How long an answer may take. What becomes of the call then, nobody knows. */
export const TIMEOUT_MS = 10_000

/**
 * Makes a function of a Lua script. Servers know scripts by their SHA-1 once they have run them; one that does not, since
 * it was restarted or has taken the place of another, is sent the text again.
 *
 * @throws CofferError `invalid-option` for what is no client.
 */
export function redisScript(client: NodeRedis | IoRedis, lua: string): RunScript {
  const sha = toHex(sha1(utf8(lua))).slice(2)
  const { bySha, byText } = callsOf(client, sha, lua)
  return (keys, args) => {
    const input = { keys: [...keys], arguments: args.map(String) }
    return inTime(() =>
      bySha(input).catch((error) => (isUnknownScript(error) ? byText(input) : Promise.reject(error))),
    )
  }
}

/** The two clients spell the same calls differently. */
function callsOf(client: NodeRedis | IoRedis, sha: string, lua: string) {
  if (client && 'evalSha' in client) {
    return {
      bySha: (input: ScriptInput) => client.evalSha(sha, input),
      byText: (input: ScriptInput) => client.eval(lua, input),
    }
  }
  if (typeof client?.evalsha !== 'function') invalidOption('client', 'a client of redis or ioredis', client)
  return {
    bySha: ({ keys, arguments: args }: ScriptInput) => client.evalsha(sha, keys.length, ...keys, ...args),
    byText: ({ keys, arguments: args }: ScriptInput) => client.eval(lua, keys.length, ...keys, ...args),
  }
}

/**
 * What Redis answers.
 *
 * @throws CofferError `store-failed` when that is an error, or nothing in time: clients wait as long as a server is away.
 */
export async function inTime<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  const answer = await within(TIMEOUT_MS, attempt(call))
  if (answer === null)
    throw new CofferError('store-failed', `Redis has not answered for ${TIMEOUT_MS / 1000} seconds`)
  return answer.value
}

async function attempt<Answer>(call: () => Promise<Answer>): Promise<{ readonly value: Answer }> {
  try {
    return { value: await call() }
  } catch (error) {
    // Errors of ioredis carry the call with all its arguments, which must not get into logs.
    const cause =
      error instanceof Error ? Object.assign(new Error(error.message), { name: error.name }) : error
    throw new CofferError('store-failed', 'Redis has not done what it was asked for', { cause })
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
