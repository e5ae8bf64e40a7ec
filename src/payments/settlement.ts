/** How moving the money ended. */
export type Settlement =
  /** The money moved. `transaction` is `null` for a zero price, which a signature alone pays. */
  | { readonly outcome: 'settled'; readonly transaction: string | null; readonly block: string | null }
  /** The money did not move and never will for this credential. */
  | { readonly outcome: 'failed'; readonly cause: string; readonly detail: string }
  /** It may have moved: a time-out, a lost connection. Only the chain can tell. */
  | { readonly outcome: 'unknown'; readonly transaction: string | null; readonly detail: string }
  /** Nothing was sent; the same credential can be tried again. */
  | { readonly outcome: 'unsent'; readonly detail: string }
