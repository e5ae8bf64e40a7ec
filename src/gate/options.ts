/** How a route is charged for. */
export interface RouteOptions {
  /**
   * US dollars as a decimal string such as `'0.01'`, or a function of the request. A function is asked twice, once
   * for the 402 and once for the paid request, and must answer the same both times; it must not read the body.
   */
  readonly price: string | ((request: Request) => string | Promise<string>)
  /** Id of the wallet to pay. Default: the only one, or the one called `main`. */
  readonly wallet?: string
  /** Shown to payers. */
  readonly description?: string
  /**
   * Whether a credential is good for one body only: challenges then carry its digest. The body is read before the
   * handler runs, at most `maxBytes` (default 1 MiB); a larger one is answered 413. Default false.
   */
  readonly bindBody?: boolean | { readonly maxBytes: number }
}
