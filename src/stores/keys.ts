/** Every key that Coffer writes. */
export const keys = {
  /** The payment record. */
  payment: (id: string): string => `payment/${id}`,
  /** Which payment spent a proof: `{ payment: 'pay_…' }`. */
  proof: (proof: string): string => `proof/${proof}`,
  /** Which payment a credential made, by the SHA-256 of its text: `{ payment: 'pay_…' }`. */
  credential: (hash: string): string => `credential/${hash}`,
} as const
