import type { AttemptInfo, PayFetch, SessionInfo } from '../client.ts'
import { payFetch } from '../client.ts'
import { fileOptions } from './agent/agent-files.ts'
import { openJournal } from './agent/agent-options.ts'
import { type Command, type CommandCall, EXIT, UsageError } from './command.ts'
import { printable, showTime } from './show/field-list.ts'
import { showNetwork } from './show/network-name.ts'

/** `coffer sessions`: what an agent has paid for, and can go on with. */
export const sessions: Command = {
  name: 'sessions',
  summary: 'Lists the sessions of an agent and its payments in doubt; ends sessions, gives payments up',
  usage: '[--attempts [--all]] [--json] | end <session>|--all [--api <url>] | abandon <attempt>',
  options: {
    attempts: { type: 'boolean', help: 'list payments that have no answer yet, and what to do about them' },
    all: { type: 'boolean', help: 'with --attempts, those that are done, too; with end, all sessions' },
    api: {
      type: 'string',
      help: "base URL of the server's API, where sessions are revoked; default its origin",
    },
    json: { type: 'boolean', help: 'the list as JSON, for programs' },
    agent: fileOptions.agent,
  },
  async run(call) {
    const [verb, ...targets] = call.rest
    const store = openJournal(call)
    try {
      // Nothing is paid here: there is no wallet, and no budget.
      const pay = payFetch({ wallet: NOBODY, budget: { payment: '0' }, store })
      if (verb === undefined) return await list(call, pay)
      if (verb === 'end') return await end(call, pay, targets)
      if (verb === 'abandon') return await abandon(call, pay, targets)
      throw new UsageError('expected end, abandon, or nothing')
    } finally {
      await store.close()
    }
  },
}

const NOBODY = {
  address: `0x${'0'.repeat(40)}`,
  signTypedData: () => Promise.reject(new Error('there is no wallet')),
} as const

async function list({ values, terminal }: CommandCall, pay: PayFetch): Promise<number> {
  if (values['attempts'] === true) {
    const found = await pay.attempts({ open: values['all'] !== true, limit: 1000 })
    terminal.out(values['json'] === true ? json(found) : formatAttempts(found))
    return EXIT.ok
  }
  const [found, open] = [await pay.sessions.list(), await pay.attempts({ open: true })]
  terminal.out(values['json'] === true ? json(found) : found.map(formatSession).join('') || 'No sessions.\n')
  if (open.length > 0)
    terminal.err(`coffer sessions: payments in doubt: ${open.length} (coffer sessions --attempts)\n`)
  return EXIT.ok
}

function formatSession({ id, url, scope, kind, openedAt, expiresAt, label, payment }: SessionInfo): string {
  const { amount, symbol, network } = payment
  const where = { exact: 'this URL', prefix: 'this folder and below', origin: 'the whole origin' }[scope]
  return [
    `${id}  ${printable(url)}\n`,
    ...(label === null ? [] : [`  ${printable(label)}\n`]),
    `  for ${where}; ${kind === 'server' ? 'opened by the server' : 'shown by a token that the wallet signs'}\n`,
    `  opened ${showTime(openedAt)}; ${expiresAt === null ? 'good for as long as the server takes it' : `used until ${showTime(expiresAt)}`}\n`,
    `  cost ${amount} ${symbol} on ${showNetwork(network)}\n`,
  ].join('')
}

function formatAttempts(attempts: readonly AttemptInfo[]): string {
  if (attempts.length === 0) return 'No payments.\n'
  return attempts
    .map(({ id, state, isOpen, createdAt, request, payment, note, transaction }) => {
      const { amount, symbol, network, recipient } = payment
      return [
        `${id}  ${state}  ${request.method} ${printable(request.url)}\n`,
        `  ${amount} ${symbol} on ${showNetwork(network)} to ${recipient}, ${showTime(createdAt)}\n`,
        ...(transaction === null ? [] : [`  transaction ${printable(transaction)}\n`]),
        `  ${printable(note)}\n`,
        ...(isOpen ? [`  ${ADVICE[state] ?? ''}\n`.replaceAll('<id>', id)] : []),
      ].join('')
    })
    .join('')
}

const ADVICE: Readonly<Record<string, string>> = {
  reserved: 'Nothing was signed: the same request, made again, sees to it.',
  sent: 'coffer pay --resume <id> fetches the answer with the same payment; coffer sessions abandon <id> gives it up.',
}

async function end(
  { values, terminal }: CommandCall,
  pay: PayFetch,
  targets: readonly string[],
): Promise<number> {
  const isAll = values['all'] === true
  if (isAll ? targets.length > 0 : targets.length === 0)
    throw new UsageError('end: expected a session, or --all')
  const known = await pay.sessions.list()
  const ids = isAll ? known.map(({ id }) => id) : targets
  let code: number = EXIT.ok
  for (const id of ids) {
    const session = known.find((each) => each.id === id)
    if (session === undefined) {
      terminal.err(`coffer sessions: there is no session ${printable(id)}\n`)
      code = EXIT.failed
      continue
    }
    const ended = await pay.sessions.end(id, apiOf(session, values['api']))
    const said =
      ended === 'revoked' ? 'ended' : 'forgotten here; the server did not revoke it, and ends it by itself'
    terminal.out(`${id}  ${said}\n`)
  }
  return code
}

/** Where a session is revoked: nobody but the server that opened it is shown what it is called. */
function apiOf({ url }: SessionInfo, api: CommandCall['values'][string]): string {
  const { origin } = new URL(url)
  if (typeof api !== 'string') return origin
  if (!URL.canParse(api)) throw new UsageError('--api: expected a URL')
  if (new URL(api).origin === origin) return api
  throw new UsageError(`--api: expected a URL of ${origin}`)
}

async function abandon(
  { terminal }: CommandCall,
  pay: PayFetch,
  targets: readonly string[],
): Promise<number> {
  const [id, ...others] = targets
  if (id === undefined || others.length > 0) throw new UsageError('abandon: expected one attempt')
  const attempt = await pay.abandon(id)
  terminal.out(`${attempt.id}  ${attempt.state}: it counts as spent, and is not sent again\n`)
  return EXIT.ok
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
