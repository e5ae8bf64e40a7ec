/** Field names of x402. Version 2 names them in its HTTP transport; `X-PAYMENT` and its answer are version 1. */
export const PAYMENT_REQUIRED = 'PAYMENT-REQUIRED'
export const PAYMENT_SIGNATURE = 'PAYMENT-SIGNATURE'
export const PAYMENT_RESPONSE = 'PAYMENT-RESPONSE'
export const X_PAYMENT = 'X-PAYMENT'
export const X_PAYMENT_RESPONSE = 'X-PAYMENT-RESPONSE'

/** Longest credential that is read, in characters. Real ones have about 1 500. */
export const MAX_CREDENTIAL = 16_384

/** Ids of the `payment-identifier` extension. */
export const PAYMENT_ID = /^[a-zA-Z0-9_-]{16,128}$/
