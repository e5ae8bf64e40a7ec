import type { Command } from './command.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { explain } from './explain.ts'
import { inspect } from './inspect.ts'
import { mcp } from './mcp.ts'
import { migrate } from './migrate.ts'
import { pay } from './pay.ts'
import { sessions } from './sessions.ts'
import { wallet } from './wallet.ts'

/** All commands, in the order in which they are listed. */
export const commands: readonly Command[] = [
  pay,
  mcp,
  inspect,
  explain,
  sessions,
  wallet,
  demo,
  migrate,
  doctor,
]
