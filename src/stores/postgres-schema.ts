import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { attempt, identifier, type PostgresClient, type Run, runnerOf, sqlState } from './postgres-client.ts'
import { functions } from './postgres-functions.ts'
import { views } from './postgres-views.ts'

/** Options of {@link migratePostgres}. */
export interface MigrateOptions {
  /** Schema that the tables, functions and views are in; made when it is missing. Default `public`. */
  readonly schema?: string
}

/** What is new in each version of the schema, as text of PL/pgSQL. */
type Migration = (schema: string) => string

/**
 * A migration that was released is never changed, and adds only: processes of the version before may go on with their
 * work. A key is compared by its bytes, which is the order that stores promise. Rows of the outbox come and go, and the
 * table may become large: vacuum has to come by the number of dead rows rather than by their share.
 */
const MIGRATIONS: readonly Migration[] = [
  (schema) => `
    CREATE TABLE ${schema}.coffer_entries (
      key text COLLATE "C" PRIMARY KEY,
      value jsonb NOT NULL,
      version uuid NOT NULL,
      expires_at bigint
    ) WITH (
      autovacuum_vacuum_scale_factor = 0.01,
      autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.02
    );
    CREATE INDEX coffer_entries_by_expiry ON ${schema}.coffer_entries (expires_at) WHERE expires_at IS NOT NULL;
    ${functions(schema)}
    ${views(schema)}`,
]

const LATEST = MIGRATIONS.length

/**
 * Makes or completes what {@link postgres} needs in a database. Processes that do so at once wait for each other; where
 * nothing is missing, nothing is done. The role needs `CREATE` on the schema.
 *
 * @throws CofferError `store-failed` when the role may not, or when a newer Coffer was here; `invalid-option`.
 */
export async function migratePostgres(client: PostgresClient, options: MigrateOptions = {}): Promise<void> {
  refuseUnknownOptions(options, ['schema'], 'migratePostgres')
  const schema = identifier('schema', options.schema ?? 'public')
  const run = runnerOf(client)
  await attempt('migrate', () => migrate(run, schema))
}

/**
 * Sees to it that the schema is the one that this Coffer knows.
 *
 * @param schema - Quoted.
 * @param migrates - Whether it may be made or completed; otherwise that is refused.
 * @throws CofferError `store-failed` when it is another one.
 */
export async function openSchema(run: Run, schema: string, migrates: boolean): Promise<void> {
  const version = await readVersion(run, schema)
  if (version === LATEST) return
  if (version < LATEST && migrates) return migrate(run, schema)
  throw new CofferError(
    'store-failed',
    version > LATEST
      ? `the tables in ${schema} have version ${version}, made by a newer Coffer; this one knows ${LATEST}`
      : `the tables in ${schema} have version ${version}, and this Coffer needs ${LATEST}: run migratePostgres`,
  )
}

async function migrate(run: Run, schema: string): Promise<void> {
  await run(migration(schema))
  await openSchema(run, schema, false)
}

/** The version of the tables; 0 when there are none. */
async function readVersion(run: Run, schema: string): Promise<number> {
  try {
    const [row] = await run(`SELECT max(version) AS version FROM ${schema}.coffer_schema`)
    return Number(row?.['version'] ?? 0)
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return 0
    throw error
  }
}

const UNDEFINED_TABLE = '42P01'

/**
 * All migrations that are missing, as one statement: whole or not at all, over any driver, also where every statement may
 * go to another connection. Nothing is said to exist already: that would ask for the right to make it.
 */
function migration(schema: string): string {
  const steps = MIGRATIONS.map(
    (step, at) => `
  IF present < ${at + 1} THEN
    ${step(schema)}
    INSERT INTO ${schema}.coffer_schema (version) VALUES (${at + 1});
  END IF;`,
  )
  return `DO $coffer$
DECLARE
  present integer;
BEGIN
  IF getdatabaseencoding() <> 'UTF8' THEN
    RAISE EXCEPTION 'Coffer needs a database with encoding UTF8';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('coffer_schema', 0));
  IF to_regnamespace('${schema}') IS NULL THEN
    CREATE SCHEMA ${schema};
  END IF;
  IF to_regclass('${schema}.coffer_schema') IS NULL THEN
    CREATE TABLE ${schema}.coffer_schema (
      version integer PRIMARY KEY,
      migrated_at timestamptz NOT NULL DEFAULT now()
    );
  END IF;
  SELECT coalesce(max(version), 0) INTO present FROM ${schema}.coffer_schema;
  ${steps.join('\n')}
END $coffer$`
}
