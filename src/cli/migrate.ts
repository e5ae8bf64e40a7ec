import { type Command, EXIT, required } from './command.ts'
import { openStorage } from './storage/storage.ts'

/** `coffer migrate`: so that the role of the application need not be allowed to make tables. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'Makes or completes the tables of a store',
  usage: '--store <url> [--schema <name>]',
  options: {
    store: {
      type: 'string',
      help: 'postgres://…, redis://… or a file; default: DATABASE_URL of the environment',
    },
    schema: { type: 'string', help: 'schema in Postgres, default public' },
  },
  async run({ values, terminal }) {
    const storage = await openStorage(
      required(values, 'store', terminal.env['DATABASE_URL']),
      values['schema'],
    )
    try {
      terminal.out(`${await storage.migrate()}\n`)
      return EXIT.ok
    } finally {
      await storage.close()
    }
  },
}
