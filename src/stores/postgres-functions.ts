/**
 * What a store does, as functions in the database: a commit is one round trip with several statements in it, and the plans
 * of all are made once for a connection. As a plan outlives the small table that it was made for, tables are never read
 * from one end to the other.
 *
 * `now` comes from the caller's clock, epoch milliseconds. All columns are text, so that no driver's idea of other types
 * matters. Once released, these are changed by a further migration that replaces them, and for callers of both versions.
 *
 * @param schema - Quoted.
 */
export function functions(schema: string): string {
  const entries = `${schema}.coffer_entries`
  return `
    CREATE FUNCTION ${schema}.coffer_get(wanted text, now bigint)
      RETURNS TABLE (value text, version text)
      LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $body$
    BEGIN
      RETURN QUERY
        SELECT e.value::text, e.version::text FROM ${entries} AS e
        WHERE e.key = wanted AND (e.expires_at IS NULL OR e.expires_at > now);
    END $body$;

    CREATE FUNCTION ${schema}.coffer_list(first text, beyond text, now bigint, most integer, backward boolean)
      RETURNS TABLE (key text, value text, version text)
      LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $body$
    BEGIN
      IF backward THEN
        RETURN QUERY ${list(entries, 'DESC')};
      ELSE
        RETURN QUERY ${list(entries, 'ASC')};
      END IF;
    END $body$;

    CREATE FUNCTION ${schema}.coffer_commit(input text, now bigint, freed integer)
      RETURNS text
      LANGUAGE plpgsql SET enable_seqscan = off AS $body$
    DECLARE
      writes jsonb := input;
      fresh uuid := gen_random_uuid();
    BEGIN
      -- Each statement has to see what was committed while the one before it waited.
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Coffer commits in transactions that are READ COMMITTED';
      END IF;
      -- What was answered to be committed must be on the disk, whatever the role is used to.
      IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
      END IF;

      -- Keys that are absent have no row to lock. In the same order everywhere, so that nobody waits in a circle.
      PERFORM pg_advisory_xact_lock(ids.id) FROM (
        SELECT DISTINCT hashtextextended(w.key, '${entries}'::regclass::oid::bigint) AS id
        FROM jsonb_to_recordset(writes) AS w(key text)
        ORDER BY id
      ) AS ids;

      IF EXISTS (
        SELECT FROM jsonb_to_recordset(writes) AS w(key text, absent boolean, version text)
        WHERE (w.absent OR w.version IS NOT NULL) AND w.version IS DISTINCT FROM (
          SELECT e.version::text FROM ${entries} AS e
          WHERE e.key = w.key AND (e.expires_at IS NULL OR e.expires_at > now)
        )
      ) THEN
        RETURN NULL;
      END IF;

      INSERT INTO ${entries} (key, value, version, expires_at)
        SELECT w.key, w.value, fresh, w.expires_at
        FROM jsonb_to_recordset(writes) AS w(key text, value jsonb, expires_at bigint)
        WHERE w.value IS NOT NULL
        ON CONFLICT (key) DO UPDATE
        SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at;
      DELETE FROM ${entries} AS e WHERE e.key = ANY (ARRAY(
        SELECT w.key FROM jsonb_to_recordset(writes) AS w(key text, value jsonb) WHERE w.value IS NULL
      ));

      -- Last, and skipping what others hold: who frees rows waits for nobody.
      DELETE FROM ${entries} AS e WHERE e.ctid = ANY (ARRAY(
        SELECT x.ctid FROM ${entries} AS x WHERE x.expires_at <= now
        ORDER BY x.expires_at LIMIT freed FOR UPDATE SKIP LOCKED
      ));
      RETURN fresh::text;
    END $body$;`
}

function list(entries: string, order: 'ASC' | 'DESC'): string {
  return `
          SELECT e.key, e.value::text, e.version::text FROM ${entries} AS e
          WHERE e.key >= first AND e.key < beyond AND (e.expires_at IS NULL OR e.expires_at > now)
          ORDER BY e.key ${order} LIMIT most`
}
