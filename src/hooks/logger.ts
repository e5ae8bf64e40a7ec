import type { HookEvent, HookType } from './events.ts'
import type { Hooks } from './hooks.ts'

/** Where log lines go: `console`, a pino logger, or anything with these four methods, called with fields and a message. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Writes every event as a line: its type is the message, the rest are fields. */
export function logHooks(logger: Logger): Hooks {
  return {
    '*': (event) => {
      const { type, ...fields } = event
      logger[levelOf(event)](fields, type)
    },
  }
}

function levelOf(event: HookEvent): keyof Logger {
  if (event.type !== 'request.refused') return LEVELS[event.type]
  if (event.status >= 500) return 'warn'
  return event.reason === 'payment-required' ? 'debug' : 'info'
}

/** What somebody has to look at is an error; what went wrong and is being taken care of is a warning. */
const LEVELS: Readonly<Record<Exclude<HookType, 'request.refused'>, keyof Logger>> = {
  'payment.received': 'debug',
  'payment.settled': 'info',
  'payment.failed': 'warn',
  'payment.unknown': 'warn',
  'payment.vanished': 'error',
  'payment.delivered': 'info',
  'payment.owed': 'warn',
  'payment.abandoned': 'warn',
  'payment.resumed': 'info',
  'payment.replayed': 'info',
  'session.created': 'info',
  'session.revoked': 'info',
  'vault.created': 'debug',
  'vault.sealed': 'info',
  'vault.persisted': 'info',
  'vault.extended': 'info',
  'vault.expiring': 'info',
  'vault.expired': 'info',
  'vault.deleted': 'info',
  'webhook.delivered': 'debug',
  'webhook.failed': 'warn',
  'webhook.dead': 'error',
  'job.dead': 'error',
}
