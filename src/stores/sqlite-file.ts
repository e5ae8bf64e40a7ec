import { DatabaseSync } from 'node:sqlite'
import { CofferError } from '../problems/error.ts'

/** Marks a file as ours (`PRAGMA application_id`): "Cofr". */
const APPLICATION_ID = 0x436f6672

/** Raised by one with every change of the tables (`PRAGMA user_version`). */
const SCHEMA_VERSION = 1

/** How long a statement waits for another process before it fails. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Text of a UTF-8 database compares by its bytes, which is the order that stores promise. The sequence gives every
 * commit a number of its own, so that a version never returns, not even when its key is deleted and made again.
 */
const SCHEMA = `
  CREATE TABLE entries (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE sequence (commits INTEGER NOT NULL) STRICT;
  INSERT INTO sequence VALUES (0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/**
 * Opens a store's file, or makes it.
 *
 * @throws CofferError `store-failed` for a file of another program or of a newer Coffer; it is left as it was.
 */
export function openFile(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    // The lock comes first, because several processes may find the same new file at once.
    db.exec('BEGIN IMMEDIATE')
    if (isEmpty(db)) db.exec(SCHEMA)
    else checkSchema(db)
    db.exec('COMMIT')
    enterWal(db)
    // Anything less syncs a WAL at its checkpoints only. A claim that a power cut undoes is money taken twice.
    db.exec('PRAGMA synchronous = FULL')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Here alone SQLite does not wait for another process, so this waits until it is alone and tries again. */
function enterWal(db: DatabaseSync): void {
  for (let tries = 1; ; tries++) {
    try {
      db.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (tries === 100) throw error
      db.exec('BEGIN EXCLUSIVE; COMMIT')
    }
  }
}

function isEmpty(db: DatabaseSync): boolean {
  return pragma(db, 'application_id') === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
}

function checkSchema(db: DatabaseSync): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new CofferError('store-failed', 'the SQLite file belongs to another program: give Coffer its own')
  }
  const version = pragma(db, 'user_version')
  if (version !== SCHEMA_VERSION) {
    throw new CofferError(
      'store-failed',
      `the SQLite file has schema ${version}, made by a newer Coffer; this one knows ${SCHEMA_VERSION}`,
    )
  }
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name]
}
