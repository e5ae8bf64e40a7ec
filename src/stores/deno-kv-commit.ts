import { encodeBase64url } from '../lib/base64.ts'
import { utf8 } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import { systemRandom } from '../lib/id.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { type DenoKv, type DenoKvCommit, patiently } from './deno-kv-client.ts'
import { type NewRow, newRow, type Row, type Rows } from './deno-kv-rows.ts'
import { conditionsHold, valueTexts } from './rules.ts'
import type { Version, Write } from './store.ts'

/** A write on its way into the database. */
interface Draft {
  readonly write: Write
  /** `null` for a deletion. */
  readonly row: NewRow | null
}

/** What Deno KV takes in one commit. */
const MAX_COMMIT_BYTES = 800 * 1024
const MAX_COMMIT_KEY_BYTES = 80 * 1024

/** How often a commit is tried whose conditions held when they were read. More than twice is rare: see {@link apply}. */
const MAX_TRIES = 20

/**
 * Makes the function that commits. Its caller has checked the writes.
 *
 * @throws CofferError `invalid-option` for more than Deno KV takes in one commit; then nothing was written.
 */
export function createCommit(
  kv: DenoKv,
  rows: Rows,
  clock: Clock,
): (writes: readonly Write[]) => Promise<Version | null> {
  return async (writes) => {
    const by = encodeBase64url(systemRandom(12))
    const texts = valueTexts(writes)
    const drafts = writes.map((write, at): Draft => {
      const text = texts[at] ?? null
      return { write, row: text === null ? null : newRow(text, by, write.expiresAt) }
    })
    checkSizes(drafts)
    for (const { key, expiresAt, parts } of largeOf(drafts)) {
      await rows.writeParts(by, key, parts, rows.expiryOf(expiresAt))
    }
    const version = await apply(by, drafts)
    if (version === null)
      for (const { key, parts } of largeOf(drafts)) await rows.deleteParts(by, key, parts.length)
    return version
  }

  /**
   * Commits what has been drafted. What was not read counts as absent at first: that costs a try when it was not.
   *
   * A refusal is not the last word. An expired entry may still be there, or be freed between reading and writing; and a
   * client that lost the answer of a database elsewhere asks it again by itself, and is then refused because its first
   * call has succeeded. So everything is read, in which such a commit finds itself.
   */
  async function apply(by: string, drafts: readonly Draft[]): Promise<Version | null> {
    const writes = drafts.map(({ write }) => write)
    const versioned = writes.filter((write) => typeof write.if === 'object')
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const known = await rows.read((tries === 0 ? versioned : writes).map(({ key }) => key))
      const own = [...known.values()].find((row) => row.by === by)
      if (own !== undefined) return own.version
      const now = clock()
      const liveVersion = (key: string): Version | null => {
        const row = known.get(key)
        return row !== undefined && row.expiresAt > now ? row.version : null
      }
      if (!conditionsHold(writes, liveVersion)) return null
      const result = await patiently(() => newCommit(drafts, known).commit())
      if (!result.ok) continue
      for (const row of known.values()) await rows.deleteParts(row.by, row.key, row.parts)
      return result.versionstamp
    }
    throw new CofferError('store-failed', `Deno KV has refused a commit ${MAX_TRIES} times without a reason`)
  }

  function newCommit(drafts: readonly Draft[], known: ReadonlyMap<string, Row>): DenoKvCommit {
    const commit = kv.atomic()
    for (const { write, row } of drafts) {
      const key = rows.keyOf(write.key)
      if (write.if !== undefined) commit.check({ key, versionstamp: known.get(write.key)?.version ?? null })
      if (row === null) commit.delete(key)
      else commit.set(key, row.head, rows.expiryOf(write.expiresAt))
    }
    return commit
  }

  /** Counts as Deno KV does: the key of a value twice, and two bytes for each part of a key. */
  function checkSizes(drafts: readonly Draft[]): void {
    let keyBytes = 0
    let bytes = 0
    for (const { write, row } of drafts) {
      const length = rows
        .keyOf(write.key)
        .reduce((sum: number, part) => sum + utf8(String(part)).length + 2, 0)
      keyBytes += length
      bytes += row === null ? length : 2 * length + row.head.length
    }
    if (keyBytes > MAX_COMMIT_KEY_BYTES) {
      invalidOption(
        'writes',
        `keys of at most ${MAX_COMMIT_KEY_BYTES} bytes in a commit of Deno KV`,
        keyBytes,
      )
    }
    if (bytes > MAX_COMMIT_BYTES) {
      invalidOption('writes', `at most ${MAX_COMMIT_BYTES} bytes in a commit of Deno KV`, bytes)
    }
  }
}

/** The values that do not fit into one of Deno KV. */
function largeOf(drafts: readonly Draft[]) {
  return drafts.flatMap(({ write: { key, expiresAt }, row }) =>
    row !== null && row.parts.length > 0 ? [{ key, expiresAt, parts: row.parts }] : [],
  )
}
