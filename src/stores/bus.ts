/**
 * Wake-ups between processes, without content and without guarantees: "look at the store again". What they are about
 * stands in the store; a lost one costs time, never data. Without a bus, readers poll.
 */
export interface Bus {
  /** Wakes whoever subscribes to the topic, at once or soon. */
  publish(topic: string): Promise<void>
  /** Calls `wake` for every wake-up from now on. Resolves when none can be missed any more. */
  subscribe(topic: string, wake: () => void): Promise<Unsubscribe>
  /** Frees what the bus holds open. */
  close(): Promise<void>
}

/** Ends a subscription. Never throws. */
export type Unsubscribe = () => void
