import { comparisons } from './comparisons.ts'
import { firstBytes } from './first-bytes.ts'
import { footprint } from './footprint.ts'
import type { Group } from './group.ts'
import { growth } from './growth.ts'
import { http } from './http.ts'
import { payments } from './payments.ts'
import { sessions } from './sessions.ts'
import { storage } from './storage.ts'
import { streams } from './streams.ts'

/** Everything that is measured, in the order of the report. */
export const groups: readonly Group[] = [
  comparisons,
  sessions,
  http,
  payments,
  firstBytes,
  footprint,
  streams,
  storage,
  growth,
]
