/** A process that holds the write lock of a SQLite file for a while: `node sqlite-lock.ts <file>`. Says when it has it. */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const db = new DatabaseSync(process.argv[2] ?? '')
db.exec('BEGIN IMMEDIATE')
process.send?.('locked')
await sleep(300)
db.exec('COMMIT')
db.close()
process.disconnect()
