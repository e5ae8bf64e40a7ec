import { type PayFetch, paymentOf } from '../client.ts'
import { type Agent, agentOptions, openAgent } from './agent/agent-options.ts'
import { type Command, type CommandCall, EXIT, UsageError } from './command.ts'
import { brokenOff, nothingMoved, type PayFailure, payFailure } from './pay/pay-failure.ts'
import { openOutput } from './pay/pay-output.ts'
import { payProgress } from './pay/pay-progress.ts'
import {
  addIdempotencyKey,
  type CommandRequest,
  readMessage,
  readRequest,
  requestOptions,
} from './pay/request-options.ts'
import { printable } from './show/field-list.ts'

/** `coffer pay`: what `curl` is, for servers that ask for money. */
export const pay: Command = {
  name: 'pay',
  summary: 'Makes a request, and pays for it when it is answered 402',
  usage: '<url> [--max <usd>] [-X <method>] [-H <field>] [-d <data>] [-o <file>] [-i] [--json] [--dry-run]',
  options: {
    ...requestOptions,
    output: { type: 'string', short: 'o', help: 'file for the body; default standard output' },
    include: { type: 'boolean', short: 'i', help: 'show status and fields of the answer, too' },
    json: { type: 'boolean', help: 'answer, payment and receipt as one JSON object, for programs' },
    'dry-run': {
      type: 'boolean',
      help: 'show what would be signed; nothing is signed, nothing written down',
    },
    from: { type: 'string', help: 'address that would pay, for --dry-run without a wallet' },
    session: { type: 'string', help: 'id of the session to use, or none; default one that covers the URL' },
    'idempotency-key': { type: 'string', help: 'name of the request; default a new one' },
    resume: {
      type: 'string',
      help: 'id of an attempt whose answer to fetch, instead of a URL; nothing is paid anew',
    },
    verbose: { type: 'boolean', short: 'v', help: 'show progress, also where nobody watches' },
    ...agentOptions,
  },

  async run(call) {
    const { values } = call
    if (values['dry-run'] === true) return (await import('./pay/dry-run-report.ts')).reportDryRun(call)
    if (values['from'] !== undefined) throw new UsageError('--from is for --dry-run')
    const request = values['resume'] === undefined ? await readRequest(call) : null
    if (request !== null) addIdempotencyKey(request.headers, values['idempotency-key'])
    const output = await openOutput(call)
    const progress = payProgress(call)
    let agent: Agent | null = null
    try {
      agent = await openAgent(call, { onEvent: progress })
      const answer = await (request === null ? resume(call, agent.pay) : ask(request, call, agent.pay))
      if (answer === null) return fail(call, nothingMoved(String(values['resume'])))
      const paid = paymentOf(answer)
      try {
        await output.write(answer)
      } catch (error) {
        if (paid === null) throw error
        return fail(call, brokenOff(paid.attempt.id, error))
      }
      return conclude(call, answer)
    } catch (error) {
      return fail(call, await payFailure(error, agent === null ? null : agent.pay.attempts))
    } finally {
      await output.close()
      await agent?.close()
    }
  },
}

async function ask(
  { url, method, headers, body }: CommandRequest,
  { values, terminal }: CommandCall,
  payFetch: PayFetch,
): Promise<Response> {
  const { session } = values
  return payFetch(url, {
    method,
    headers,
    signal: terminal.signal,
    ...(body && { body }),
    ...(typeof session === 'string' && { session: session === 'none' ? false : session }),
  })
}

/** The answer that an earlier attempt has paid for; `null` when no money moved for it. */
async function resume(call: CommandCall, payFetch: PayFetch): Promise<Response | null> {
  const { values, rest, terminal } = call
  if (rest.length > 0) throw new UsageError('--resume: the attempt knows its URL')
  const { headers, body } = await readMessage(call)
  return payFetch.resume(String(values['resume']), {
    headers,
    signal: terminal.signal,
    ...(body && { body }),
  })
}

/** What an answer means for the exit code. */
function conclude({ terminal }: CommandCall, answer: Response): number {
  const paid = paymentOf(answer)
  for (const difference of paid?.receipt.differences ?? [])
    terminal.err(`coffer pay: the receipt is not for this payment: ${printable(difference)}\n`)
  if (paid?.attempt.isOpen) {
    const { id } = paid.attempt
    terminal.err(`coffer pay: paid, and answered ${answer.status}: coffer pay --resume ${id} tries again\n`)
    return EXIT.unknown
  }
  if (answer.status < 400) return EXIT.ok
  const why = answer.status === 402 ? ', in words that are not known here: coffer inspect says more' : ''
  terminal.err(`coffer pay: the server answered ${answer.status}${why}\n`)
  return EXIT.failed
}

function fail({ values, terminal }: CommandCall, { exitCode, line, error }: PayFailure): number {
  if (values['json'] === true) terminal.out(`${JSON.stringify({ error, exitCode }, null, 2)}\n`)
  terminal.err(`coffer pay: ${printable(line)}\n`)
  return exitCode
}
