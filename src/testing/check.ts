import { canonicalJson, type Json } from '../lib/json.ts'

/** Fails the test unless the condition holds. */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`expected ${what}`)
}

/** Fails the test unless both are the same JSON; the order of members does not count. */
export function checkSame(actual: unknown, expected: Json): void {
  // Whatever a store has returned: what is no JSON has no canonical form, which fails the test as well.
  const [came, wanted] = [canonicalJson(actual as Json), canonicalJson(expected)]
  check(came === wanted, `${shorten(wanted)}, got ${shorten(came)}`)
}

/** Fails the test unless the promise rejects with a CofferError of this code. */
export async function checkRejects(promise: Promise<unknown>, code: string): Promise<void> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  // By code and not by class: the tested store may carry its own copy of Coffer.
  const came = error instanceof Error && 'code' in error ? error.code : error
  check(came === code, `a rejection with ${code}, got ${String(came)}`)
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
