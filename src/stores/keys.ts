/** Every key that Coffer writes. */
export const keys = {
  /** The payment record. */
  payment: (id: string): string => `payment/${id}`,
  /** Which payment spent a proof: `{ payment: 'pay_…' }`. */
  proof: (proof: string): string => `proof/${proof}`,
} as const
