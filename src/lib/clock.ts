/** Where the time comes from, so that tests can set it. Returns epoch milliseconds. */
export type Clock = () => number

/** The machine's clock. */
export const systemClock: Clock = () => Date.now()
