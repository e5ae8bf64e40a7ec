/** What a reason looks like on the wire: one row of {@link catalog}. */
export interface CatalogRow {
  /** The product's name for it: `code` in the problem, and the last segment of its `type`. */
  readonly slug: string
  /** Name under `https://paymentauth.org/problems/` where the Payment scheme defines one. */
  readonly ietf?: string
  readonly status:
    | 400
    | 401
    | 402
    | 403
    | 404
    | 405
    | 408
    | 409
    | 410
    | 413
    | 416
    | 422
    | 429
    | 431
    | 500
    | 503
  readonly title: string
  /** Whether sending the same request again, unchanged, can succeed. */
  readonly retryable: boolean
  /** Whether money moved for this credential: `unknown` while only the chain can tell. */
  readonly charged: boolean | 'unknown'
}

/** Name of a row in the {@link catalog}. */
export type Reason =
  | 'payment-required'
  | 'malformed-credential'
  | 'invalid-challenge'
  | 'verification-failed'
  | 'settlement-failed'
  | 'challenge-expired'
  | 'insufficient-payment'
  | 'session-not-found'
  | 'duplicate-payment'
  | 'payment-in-flight'
  | 'idempotency-conflict'
  | 'result-unavailable'
  | 'credit-expired'
  | 'settlement-unknown'
  | 'settlement-unavailable'
  | 'session-payments-not-available'
  | 'rate-limit-exceeded'
  | 'bad-request'
  | 'body-too-large'
  | 'credential-too-large'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'payment-not-found'
  | 'unknown-session'
  | 'webhook-not-found'
  | 'delivery-not-found'
  | 'internal-error'
  | 'vault-not-found'
  | 'vault-expired'
  | 'vault-exists'
  | 'vault-sealed'
  | 'vault-not-sealed'
  | 'vault-already-persisted'
  | 'document-not-found'
  | 'file-not-found'
  | 'file-too-large'
  | 'range-not-satisfiable'
  | 'access-token-not-found'
  | 'upload-timeout'
  | 'vault-quota-exceeded'
  | 'persisted-vault-quota-exceeded'
  | 'storage-quota-exceeded'
  | 'documents-per-vault-exceeded'
  | 'files-per-vault-exceeded'
  | 'ttl-exceeds-plan'

// Long because it is a table, and a reason is a row.

/** Every reason that Coffer refuses a request for. A 402 always carries fresh challenges; nothing else does. */
export const catalog: Readonly<Record<Reason, CatalogRow>> = {
  'payment-required': {
    slug: 'payment-required',
    ietf: 'payment-required',
    status: 402,
    title: 'Payment Required',
    retryable: false,
    charged: false,
  },
  'malformed-credential': {
    slug: 'payment-verification-failed',
    ietf: 'malformed-credential',
    status: 402,
    title: 'Malformed Credential',
    retryable: false,
    charged: false,
  },
  'invalid-challenge': {
    slug: 'payment-verification-failed',
    ietf: 'invalid-challenge',
    status: 402,
    title: 'Invalid Challenge',
    retryable: false,
    charged: false,
  },
  'verification-failed': {
    slug: 'payment-verification-failed',
    ietf: 'verification-failed',
    status: 402,
    title: 'Payment Verification Failed',
    retryable: false,
    charged: false,
  },
  'settlement-failed': {
    slug: 'payment-verification-failed',
    ietf: 'verification-failed',
    status: 402,
    title: 'Settlement Failed',
    retryable: false,
    charged: false,
  },
  'challenge-expired': {
    slug: 'challenge-expired',
    ietf: 'payment-expired',
    status: 402,
    title: 'Challenge Expired',
    retryable: false,
    charged: false,
  },
  'insufficient-payment': {
    slug: 'insufficient-payment',
    ietf: 'payment-insufficient',
    status: 402,
    title: 'Insufficient Payment',
    retryable: false,
    charged: false,
  },
  'session-not-found': {
    slug: 'session-not-found',
    status: 402,
    title: 'Session Not Found',
    retryable: false,
    charged: false,
  },
  'duplicate-payment': {
    slug: 'duplicate-payment',
    status: 409,
    title: 'Duplicate Payment',
    retryable: false,
    charged: true,
  },
  'payment-in-flight': {
    slug: 'payment-in-flight',
    status: 409,
    title: 'Payment In Flight',
    retryable: true,
    charged: 'unknown',
  },
  'idempotency-conflict': {
    slug: 'idempotency-conflict',
    status: 409,
    title: 'Idempotency Conflict',
    retryable: false,
    charged: 'unknown',
  },
  'result-unavailable': {
    slug: 'result-unavailable',
    status: 409,
    title: 'Result Unavailable',
    retryable: false,
    charged: true,
  },
  'credit-expired': {
    slug: 'credit-expired',
    status: 409,
    title: 'Credit Expired',
    retryable: false,
    charged: true,
  },
  'settlement-unknown': {
    slug: 'settlement-unknown',
    status: 503,
    title: 'Settlement Unknown',
    retryable: true,
    charged: 'unknown',
  },
  'settlement-unavailable': {
    slug: 'settlement-unavailable',
    status: 503,
    title: 'Settlement Unavailable',
    retryable: true,
    charged: false,
  },
  'session-payments-not-available': {
    slug: 'session-payments-not-available',
    status: 429,
    title: 'Session Payments Not Available',
    retryable: false,
    charged: false,
  },
  'rate-limit-exceeded': {
    slug: 'rate-limit-exceeded',
    status: 429,
    title: 'Too Many Challenges',
    retryable: true,
    charged: false,
  },
  'bad-request': {
    slug: 'bad-request',
    ietf: 'bad-request',
    status: 400,
    title: 'Bad Request',
    retryable: false,
    charged: false,
  },
  'body-too-large': {
    slug: 'body-too-large',
    status: 413,
    title: 'Body Too Large',
    retryable: false,
    charged: false,
  },
  'credential-too-large': {
    slug: 'credential-too-large',
    status: 431,
    title: 'Credential Too Large',
    retryable: false,
    charged: false,
  },
  unauthorized: {
    slug: 'unauthorized',
    status: 401,
    title: 'Unauthorized',
    retryable: false,
    charged: false,
  },
  forbidden: {
    slug: 'forbidden',
    status: 403,
    title: 'Forbidden',
    retryable: false,
    charged: false,
  },
  'not-found': {
    slug: 'not-found',
    status: 404,
    title: 'Not Found',
    retryable: false,
    charged: false,
  },
  'method-not-allowed': {
    slug: 'method-not-allowed',
    status: 405,
    title: 'Method Not Allowed',
    retryable: false,
    charged: false,
  },
  'payment-not-found': {
    slug: 'payment-not-found',
    status: 404,
    title: 'Payment Not Found',
    retryable: false,
    charged: false,
  },
  /** `session-not-found` of the API, where there is nothing to pay. */
  'unknown-session': {
    slug: 'session-not-found',
    status: 404,
    title: 'Session Not Found',
    retryable: false,
    charged: false,
  },
  'webhook-not-found': {
    slug: 'webhook-not-found',
    status: 404,
    title: 'Webhook Not Found',
    retryable: false,
    charged: false,
  },
  'delivery-not-found': {
    slug: 'delivery-not-found',
    status: 404,
    title: 'Delivery Not Found',
    retryable: false,
    charged: false,
  },
  'internal-error': {
    slug: 'internal-error',
    status: 500,
    title: 'Internal Error',
    retryable: true,
    charged: false,
  },
  'vault-not-found': {
    slug: 'vault-not-found',
    status: 404,
    title: 'Vault Not Found',
    retryable: false,
    charged: false,
  },
  'vault-expired': {
    slug: 'vault-expired',
    status: 410,
    title: 'Vault Expired',
    retryable: false,
    charged: false,
  },
  'vault-exists': {
    slug: 'vault-exists',
    status: 409,
    title: 'Vault Exists',
    retryable: false,
    charged: false,
  },
  'vault-sealed': {
    slug: 'vault-sealed',
    status: 409,
    title: 'Vault Sealed',
    retryable: false,
    charged: false,
  },
  'vault-not-sealed': {
    slug: 'vault-not-sealed',
    status: 409,
    title: 'Vault Not Sealed',
    retryable: false,
    charged: false,
  },
  'vault-already-persisted': {
    slug: 'vault-already-persisted',
    status: 409,
    title: 'Vault Already Persisted',
    retryable: false,
    charged: false,
  },
  'document-not-found': {
    slug: 'document-not-found',
    status: 404,
    title: 'Document Not Found',
    retryable: false,
    charged: false,
  },
  'file-not-found': {
    slug: 'file-not-found',
    status: 404,
    title: 'File Not Found',
    retryable: false,
    charged: false,
  },
  'file-too-large': {
    slug: 'file-too-large',
    status: 413,
    title: 'File Too Large',
    retryable: false,
    charged: false,
  },
  'range-not-satisfiable': {
    slug: 'range-not-satisfiable',
    status: 416,
    title: 'Range Not Satisfiable',
    retryable: false,
    charged: false,
  },
  'access-token-not-found': {
    slug: 'access-token-not-found',
    status: 404,
    title: 'Access Token Not Found',
    retryable: false,
    charged: false,
  },
  'upload-timeout': {
    slug: 'upload-timeout',
    status: 408,
    title: 'Upload Timed Out',
    retryable: true,
    charged: false,
  },
  'vault-quota-exceeded': {
    slug: 'vault-quota-exceeded',
    status: 429,
    title: 'Too Many Vaults',
    retryable: true,
    charged: false,
  },
  'persisted-vault-quota-exceeded': {
    slug: 'persisted-vault-quota-exceeded',
    status: 429,
    title: 'Too Many Persisted Vaults',
    retryable: true,
    charged: false,
  },
  'storage-quota-exceeded': {
    slug: 'storage-quota-exceeded',
    status: 429,
    title: 'Storage Full',
    retryable: true,
    charged: false,
  },
  'documents-per-vault-exceeded': {
    slug: 'documents-per-vault-exceeded',
    status: 422,
    title: 'Too Many Documents',
    retryable: false,
    charged: false,
  },
  'files-per-vault-exceeded': {
    slug: 'files-per-vault-exceeded',
    status: 422,
    title: 'Too Many Files',
    retryable: false,
    charged: false,
  },
  'ttl-exceeds-plan': {
    slug: 'ttl-exceeds-plan',
    status: 422,
    title: 'TTL Exceeds Plan',
    retryable: false,
    charged: false,
  },
}
