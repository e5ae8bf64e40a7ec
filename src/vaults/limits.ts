import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** How much may be kept. `null` means without limit. */
export interface Limits {
  /** Whether payments may open sessions. If not, routes with `acceptSessions` cannot be paid for: 429. */
  readonly sessions: boolean
  /** Vaults that are neither sealed nor persisted nor expired. */
  readonly activeVaults: number | null
  /** Vaults that are kept for good. */
  readonly persistedVaults: number | null
  /** Longest time that a vault may be given, hours; also the time that it gets by itself, at most 168. */
  readonly ttlHours: number | null
  readonly documentsPerVault: number | null
  readonly filesPerVault: number | null
  /** Size of a file, bytes. */
  readonly fileBytes: number | null
  /** Documents and files of all vaults together, bytes. */
  readonly storageBytes: number | null
}

const MIB = 2 ** 20
const GIB = 2 ** 30
const WEEK_HOURS = 168

/** Sets of limits to choose from, or to start from: `limits: { ...plans.pro, fileBytes: 1_000_000 }`. */
export const plans = {
  hobby: {
    sessions: false,
    activeVaults: 3,
    persistedVaults: 1,
    ttlHours: 24,
    documentsPerVault: 50,
    filesPerVault: 5,
    fileBytes: 10 * MIB,
    storageBytes: 500 * MIB,
  },
  pro: {
    sessions: true,
    activeVaults: 50,
    persistedVaults: 20,
    ttlHours: WEEK_HOURS,
    documentsPerVault: null,
    filesPerVault: 100,
    fileBytes: 100 * MIB,
    storageBytes: 10 * GIB,
  },
  enterprise: {
    sessions: true,
    activeVaults: null,
    persistedVaults: null,
    ttlHours: null,
    documentsPerVault: null,
    filesPerVault: null,
    fileBytes: GIB,
    storageBytes: null,
  },
} as const satisfies Record<string, Limits>

const DEFAULTS: Limits = {
  sessions: true,
  activeVaults: null,
  persistedVaults: null,
  ttlHours: WEEK_HOURS,
  documentsPerVault: null,
  filesPerVault: null,
  fileBytes: null,
  storageBytes: null,
}

/**
 * Checks limits and fills in what is left out: no limits but a TTL of 7 days.
 *
 * @throws CofferError `invalid-option` naming the limit.
 */
export function readLimits(limits: Partial<Limits> = {}): Limits {
  refuseUnknownOptions(limits, Object.keys(DEFAULTS), 'limits')
  const read: Limits = { ...DEFAULTS, ...limits }
  if (typeof read.sessions !== 'boolean') invalidOption('limits.sessions', 'true or false', read.sessions)
  const { sessions: _, ttlHours, ...counts } = read
  for (const [name, value] of Object.entries(counts)) {
    if (value !== null && !(Number.isSafeInteger(value) && value >= 0)) {
      invalidOption(`limits.${name}`, 'a whole number from 0, or null for no limit', value)
    }
  }
  if (ttlHours !== null && !isTtl(ttlHours)) {
    invalidOption('limits.ttlHours', `hours up to ${MAX_TTL_HOURS}, or null for no limit`, ttlHours)
  }
  return read
}

/** Whether a value is a number of hours that a vault can be given, whatever the limits. */
export function isTtl(hours: unknown): hours is number {
  return typeof hours === 'number' && hours > 0 && hours <= MAX_TTL_HOURS
}

/** A hundred years: more is a mistake. */
export const MAX_TTL_HOURS = 876_000

/** What a vault gets that nobody gave a time. */
export function defaultTtlHours({ ttlHours }: Limits): number {
  return Math.min(ttlHours ?? WEEK_HOURS, WEEK_HOURS)
}
