import type { Command } from './command.ts'
import { doctor } from './doctor.ts'
import { migrate } from './migrate.ts'

/** All commands, in the order in which they are listed. */
export const commands: readonly Command[] = [migrate, doctor]
