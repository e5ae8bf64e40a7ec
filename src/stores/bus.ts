/**
 * Wake-ups between processes, without content and without guarantees: "look at the store again". What they are about
 * stands in the store; a lost one costs time, never data. Without a bus, readers poll.
 *
 * Topics are text as the keys of a store are: well-formed, 1 to 512 UTF-8 bytes, no U+0000. Others reject with
 * CofferError `invalid-option`, calls after `close` with `invalid-state`.
 */
export interface Bus {
  /**
   * Wakes whoever subscribes to the topic, at once or soon. Several that come together may be one wake-up; it comes after
   * the last of them was called.
   *
   * @throws CofferError `store-failed` when it could not be handed over. Whoever has committed may ignore that.
   */
  publish(topic: string): Promise<void>
  /**
   * Calls `wake`, which must not throw, for every wake-up from now on; also without a reason, as after a connection was
   * lost. The same function may subscribe several times. Resolves when no wake-up can be missed any more.
   *
   * @throws CofferError `store-failed` when there will be no wake-ups: poll.
   */
  subscribe(topic: string, wake: () => void): Promise<Unsubscribe>
  /** Frees what the bus holds open. Nobody is woken afterwards; closing it again does nothing. */
  close(): Promise<void>
}

/** Ends a subscription. Never throws; calling it again does nothing. */
export type Unsubscribe = () => void
