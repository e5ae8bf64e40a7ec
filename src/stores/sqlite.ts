import type { DatabaseSync } from 'node:sqlite'
import { type Clock, systemClock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { checkKey, checkPage, checkWrites, conditionsHold, valueTexts } from './rules.ts'
import { openFile } from './sqlite-file.ts'
import type { Entry, Store, Version } from './store.ts'

/** Options of {@link sqlite}. */
export interface SqliteOptions {
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock
}

/** How many expired rows each write may free. */
const FREED_PER_WRITE = 8

/**
 * A store in one SQLite file, for any number of processes on one machine (not over a network file system). Uses the
 * runtime's own `node:sqlite`: Node 22.13 or newer, Bun, Deno.
 *
 * Every commit is on the disk when it resolves. SQLite works on the calling thread; a commit waits there for another
 * process's for 5 seconds at most. Expired entries are absent at once; their rows are freed by later commits, at most 8
 * for each write, without a timer. The file keeps the space for new rows and does not shrink.
 *
 * @param path - The file, made when it is missing; or `:memory:`.
 * @throws CofferError `store-failed` when the file cannot be opened, is not ours, or was made by a newer Coffer.
 */
export function sqlite(path: string, options: SqliteOptions = {}): Store {
  // SQLite takes an empty name for a temporary database, which nobody wants to keep payments in.
  if (path === '') invalidOption('path', "a file name or ':memory:'", path)
  refuseUnknownOptions(options, ['clock'], 'sqlite')
  const clock = options.clock ?? systemClock
  const db = attempt('open the file', () => openFile(path))
  const statements = attempt('read the file', () => prepare(db))
  let closed = false

  return {
    async get(key) {
      checkOpen()
      checkKey(key)
      return attempt('read', () => find(key, clock()))
    },

    async list(range, page) {
      checkOpen()
      const { limit, reverse } = checkPage(range, page)
      const select = reverse ? statements.selectBackward : statements.selectForward
      return attempt('read', () => select.all(range.start, range.end, clock(), limit).map(entryOf))
    },

    async commit(writes) {
      checkOpen()
      checkWrites(writes)
      const texts = valueTexts(writes)
      return attempt('commit', () =>
        transaction(() => {
          // Asked for now that the lock is ours: waiting for it takes time.
          const now = clock()
          if (!conditionsHold(writes, (key) => find(key, now)?.version ?? null)) return null
          const version = versionOf(statements.count.get() ?? {})
          for (const [at, { key, expiresAt = null }] of writes.entries()) {
            const value = texts[at] ?? null
            if (value === null) statements.remove.run(key)
            else statements.put.run(key, value, version, expiresAt)
          }
          statements.free.run(now, writes.length * FREED_PER_WRITE)
          return String(version)
        }),
      )
    },

    async close() {
      if (closed) return
      closed = true
      attempt('close the file', () => db.close())
    },
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the store is closed')
  }

  function find(key: string, now: number): Entry | null {
    const row = statements.select.get(key, now)
    return row === undefined ? null : entryOf(row)
  }

  /** Takes the write lock at once: a transaction that reads first could find, too late, that another has written. */
  function transaction(body: () => Version | null): Version | null {
    db.exec('BEGIN IMMEDIATE')
    try {
      const version = body()
      db.exec(version === null ? 'ROLLBACK' : 'COMMIT')
      return version
    } catch (error) {
      try {
        db.exec('ROLLBACK')
      } catch {
        // SQLite ends the transaction by itself after some errors, such as a full disk. The first error counts.
      }
      throw error
    }
  }
}

/** Every statement of a store. Parameters are positional: not every runtime binds names in the same way. */
function prepare(db: DatabaseSync) {
  const live = '(expires_at IS NULL OR expires_at > ?)'
  const inRange = `SELECT key, value, version FROM entries WHERE key >= ? AND key < ? AND ${live}`
  return {
    select: db.prepare(`SELECT key, value, version FROM entries WHERE key = ? AND ${live}`),
    selectForward: db.prepare(`${inRange} ORDER BY key LIMIT ?`),
    selectBackward: db.prepare(`${inRange} ORDER BY key DESC LIMIT ?`),
    count: db.prepare('UPDATE sequence SET commits = commits + 1 RETURNING commits AS version'),
    put: db.prepare('INSERT OR REPLACE INTO entries (key, value, version, expires_at) VALUES (?, ?, ?, ?)'),
    remove: db.prepare('DELETE FROM entries WHERE key = ?'),
    free: db.prepare(
      'DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE expires_at <= ? LIMIT ?)',
    ),
  }
}

/** Turns what SQLite throws into the error that callers switch on. */
function attempt<Result>(what: string, operation: () => Result): Result {
  try {
    return operation()
  } catch (cause) {
    if (cause instanceof CofferError) throw cause
    throw new CofferError('store-failed', `SQLite could not ${what}`, { cause })
  }
}

function entryOf(row: Record<string, unknown>): Entry {
  const { key, value } = row
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : null
  if (typeof key !== 'string' || !isJsonObject(parsed)) throw new TypeError('the row is not an entry')
  return { key, value: parsed, version: String(versionOf(row)) }
}

function versionOf(row: Record<string, unknown>): number {
  const { version } = row
  if (typeof version !== 'number') throw new TypeError('the row has no version')
  return version
}
