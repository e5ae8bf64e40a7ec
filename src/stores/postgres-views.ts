/**
 * What an operator asks for in SQL, as views of the entries: payments, sessions and vaults that are there now. Columns have
 * the names that the HTTP API gives their values, instants are `timestamptz`, sums are exact. `key` finds a row at once,
 * whatever the size of the table.
 *
 * @param schema - Quoted.
 */
export function views(schema: string): string {
  return [
    view(schema, 'coffer_payments', 'payment/', {
      id: idAfter('payment/'),
      status: text('state'),
      delivery: text('delivery'),
      route: text('route'),
      // Written as 50000e-6, which no division can round.
      amount: `(${text('amount')} || 'e-' || ${text('decimals')})::numeric`,
      payer: text('payer'),
      recipient: text('recipient'),
      wallet: text('wallet'),
      protocol: text('protocol'),
      method: text('method'),
      network: text('network'),
      asset: text('asset'),
      settle: text('settle'),
      tx_hash: text('transaction'),
      block: text('block'),
      cause: text('cause'),
      credential_hash: text('credentialHash'),
      session_hash: text('session', 'hash'),
      vault: `${text('vault')}::boolean`,
      claimed_at: instant('claimedAt'),
      settled_at: instant('settledAt'),
      delivered_at: instant('deliveredAt'),
      vanished_at: instant('vanishedAt'),
      lease_until: instant('leaseUntil'),
    }),
    view(schema, 'coffer_sessions', 'session/', {
      hash: idAfter('session/'),
      scope: text('scope'),
      payment_id: text('payment', 'paymentId'),
      payer: text('payment', 'payer'),
      recipient: text('payment', 'recipient'),
      wallet: text('payment', 'wallet'),
      protocol: text('payment', 'protocol'),
      method: text('payment', 'method'),
      network: text('payment', 'network'),
      amount: `${text('payment', 'amount')}::numeric`,
      tx_hash: text('payment', 'txHash'),
      ceiling: `${text('ceiling')}::numeric`,
      max_requests: `${text('maxRequests')}::bigint`,
      requests: `${text('requests')}::bigint`,
      budget: `${text('budget')}::numeric`,
      spent: `${text('spent')}::numeric`,
      bind_payer: `${text('bindPayer')}::boolean`,
      vault: `${text('vault')}::boolean`,
      created_at: instant('createdAt'),
      expires_at: instant('expiresAt'),
    }),
    view(schema, 'coffer_vaults', 'vault/', {
      id: idAfter('vault/'),
      status: `CASE
        WHEN ${text('endedAt')} IS NOT NULL OR ${instant('expiresAt')} <= now() THEN 'expired'
        WHEN ${text('persistedAt')} IS NOT NULL THEN 'persisted'
        WHEN ${text('sealedAt')} IS NOT NULL THEN 'sealed'
        ELSE 'active'
      END`,
      label: text('label'),
      metadata: text('metadata'),
      summary: text('summary'),
      payment_id: text('payment'),
      session_hash: text('session'),
      previous_vault_id: text('previous'),
      documents: `${text('documents')}::bigint`,
      files: `${text('files')}::bigint`,
      events: `${text('events')}::bigint`,
      bytes: `${text('bytes')}::bigint`,
      ending: text('ending'),
      created_at: instant('createdAt'),
      expires_at: instant('expiresAt'),
      sealed_at: instant('sealedAt'),
      persisted_at: instant('persistedAt'),
      ended_at: instant('endedAt'),
    }),
  ].join('\n')
}

function view(
  schema: string,
  name: string,
  prefix: string,
  columns: Readonly<Record<string, string>>,
): string {
  const all = Object.entries({ ...columns, key: 'e.key' }).map(([column, value]) => `${value} AS ${column}`)
  return `
    CREATE VIEW ${schema}.${name} AS
      SELECT ${all.join(', ')}
      FROM ${schema}.coffer_entries AS e
      WHERE e.key >= '${prefix}' AND e.key < '${prefix.slice(0, -1)}0'
        AND (e.expires_at IS NULL OR e.expires_at > extract(epoch FROM now()) * 1000);`
}

/** What comes after the prefix of a key. */
const idAfter = (prefix: string): string => `substr(e.key, ${prefix.length + 1})`

/** A member of the value, as text; by its path. */
const text = (...path: readonly string[]): string => `(e.value #>> '{${path.join(',')}}')`

const instant = (member: string): string => `to_timestamp(${text(member)}::float8 / 1000)`
