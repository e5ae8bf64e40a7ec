/** Every key that a client writes. They share a store with whatever else is in it. */
export const clientKeys = {
  /** What the keys of all attempts begin with; ids are in order of time. */
  attempts: 'client/attempt/',
  /** An attempt to pay. */
  attempt: (id: string): string => clientKeys.attempts + id,
  /** What the keys of the open attempts of a request begin with. */
  openOf: (fingerprint: string): string => `client/open/${fingerprint}/`,
  /** An attempt that is open, by the fingerprint of its request: `{}`. */
  open: (fingerprint: string, id: string): string => clientKeys.openOf(fingerprint) + id,
  /** What the keys of all open attempts begin with. */
  allOpen: 'client/open/',
  /** What was ever paid, and is held back for it. */
  budgetTotal: 'client/budget/total',
  /** The same of a day, `2030-01-31` in UTC. */
  budgetDay: (day: string): string => `client/budget/day/${day}`,
  /** The same of a host. */
  budgetHost: (host: string): string => `client/budget/host/${host}`,
  /** The same of a session of the budget, by the hash of its name. */
  budgetSession: (hash: string): string => `client/budget/session/${hash}`,
  /** What the keys of the paid sessions at an origin begin with, by the hash of the origin. */
  sessionsOf: (hash: string): string => `client/session/${hash}/`,
  /** What the keys of all paid sessions begin with. */
  sessions: 'client/session/',
  /** A paid session, by where it was opened: the hash of the path; or by its id, when it was opened for a time. */
  session: (hash: string, name: string): string => clientKeys.sessionsOf(hash) + name,
} as const
