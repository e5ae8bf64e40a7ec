/** For files of tests that use databases, which share the machine with whatever else runs. Imported for what it does. */
import { vi } from 'vitest'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
