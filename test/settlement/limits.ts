/** How long a handler may work. */
export const LEASE_MS = 60_000

/** How long answers and idempotency keys are kept. */
export const RESULT_MS = 120_000

/** How long what is owed can be redeemed. */
export const CREDIT_MS = 86_400_000

/** Dollars: two payments may be in the background at once. */
export const MAX_UNSETTLED = 0.02
