/** Field names of the Payment scheme (draft-httpauth-payment-00). */
export const WWW_AUTHENTICATE = 'WWW-Authenticate'
export const AUTHORIZATION = 'Authorization'
export const PAYMENT_RECEIPT = 'Payment-Receipt'
export const ACCEPT_PAYMENT = 'Accept-Payment'

/** Name of the scheme in the first two; compared without regard to case (RFC 9110 section 11.1). */
export const PAYMENT_SCHEME = 'Payment'

/** Longest credential that is read, in characters. Those of passkey accounts have about 4 000. */
export const MAX_CREDENTIAL = 32_768
