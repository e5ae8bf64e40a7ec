import { DatabaseSync } from 'node:sqlite'
import { sqlite } from '../../sqlite.ts'
import { judge } from './finding.ts'
import type { Storage } from './storage.ts'

/** Opens a file. It is made when it is missing, as the store would. */
export function openSqlite(path: string): Storage {
  const store = sqlite(path)
  return {
    store,
    migrate: async () => 'The file is complete: SQLite stores are when they are opened.',
    now: async () => null,

    async inspect() {
      const db = new DatabaseSync(path)
      try {
        const pragma = (name: string): string =>
          String(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
        const mode = pragma('journal_mode')
        const check = pragma('quick_check')
        return [
          judge(
            'journal_mode',
            mode,
            mode === 'wal',
            'fail',
            'the file system does not take a WAL: use a local disk',
          ),
          judge(
            'quick_check',
            check,
            check === 'ok',
            'fail',
            'the file is damaged: restore it from a backup',
          ),
        ]
      } finally {
        db.close()
      }
    },

    close: () => store.close(),
  }
}
