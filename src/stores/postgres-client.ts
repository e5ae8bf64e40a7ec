import { CofferError, invalidOption } from '../problems/error.ts'

/**
 * A client of a Postgres driver: a pool of `pg` or `@neondatabase/serverless` (also its `neon(url)`, over HTTP),
 * postgres.js, Bun's `SQL`, or a PGlite. The client stays its owner's, who configures and ends it.
 */
export type PostgresClient = QueryClient | UnsafeClient

/** What is asked of `pg`, of those that are made in its likeness, and of PGlite. */
export interface QueryClient {
  query(text: string, values: Value[]): PromiseLike<{ readonly rows: readonly object[] } | readonly object[]>
}

/** What is asked of postgres.js and Bun. */
export interface UnsafeClient {
  unsafe(
    text: string,
    values: Value[],
    options: { readonly prepare: boolean },
  ): PromiseLike<readonly object[]>
}

/** A value of a parameter, `$1`. */
export type Value = string | number | boolean

/** Runs one statement, in a transaction of its own. Errors are those of the driver. */
export type Run = (text: string, ...values: Value[]) => Promise<readonly Row[]>

/** A row of a result, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>

/** Reads what drivers have in common. */
export function runnerOf(client: PostgresClient): Run {
  if (hasMethod(client, 'query')) {
    return async (text, ...values) => {
      const result = await client.query(text, values)
      return ('rows' in result ? result.rows : result) as readonly Row[]
    }
  }
  if (hasMethod(client, 'unsafe')) {
    // Without a prepared statement postgres.js asks for the types of the parameters first: two round trips, not one.
    // Who has told it never to prepare, as for pgbouncer, is still obeyed.
    return async (text, ...values) => (await client.unsafe(text, values, { prepare: true })) as readonly Row[]
  }
  // What came is not shown: a URL has a password in it.
  return invalidOption('client', 'a client of pg, postgres.js, PGlite or Neon')
}

/** Whether a client, whatever it is, has a method. */
export function hasMethod<Name extends string, Client>(
  client: Client,
  name: Name,
): client is Extract<Client, { readonly [name in Name]: unknown }> {
  return typeof Object(client)[name] === 'function'
}

/**
 * The code of an error that Postgres answered with (SQLSTATE); `null` for any other, such as a lost connection. Most drivers
 * call it `code`, Bun calls it `errno`.
 */
export function sqlState(error: unknown): string | null {
  const { code, errno }: { code?: unknown; errno?: unknown } = Object(error)
  return [code, errno].filter((each) => typeof each === 'string').find((each) => SQLSTATE.test(each)) ?? null
}

/** With a digit always, unlike EPIPE. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/

/** Turns what a driver throws into the error that callers switch on. */
export async function attempt<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (error) {
    if (error instanceof CofferError) throw error
    throw new CofferError('store-failed', `Postgres could not ${what}`, { cause: withoutValues(error) })
  }
}

/** An error without what may hold values: Postgres adds the row, and postgres.js the parameters, also to a lost connection. */
function withoutValues(error: unknown): unknown {
  const hasValues = error instanceof Error && (sqlState(error) !== null || 'parameters' in error)
  if (!hasValues) return error
  const code = sqlState(error) ?? ('code' in error ? error.code : null)
  return Object.assign(new Error(error.message), { code })
}

/**
 * Checks a name of ours in the database and quotes it, as some names are words of SQL.
 *
 * @throws CofferError `invalid-option` for a name that would need more than quotes.
 */
export function identifier(option: string, name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) {
    invalidOption(option, 'a name of lower-case letters, digits and _, 63 at most', name)
  }
  return `"${name}"`
}
