import { type Command, EXIT, UsageError } from './command.ts'
import { type Inspection, inspectEndpoint } from './inspect/inspection.ts'
import { readRequest, requestOptions } from './pay/request-options.ts'
import { formatExplanation } from './show/explanation.ts'
import { formatRemarks, hasError, type Remark } from './show/remark.ts'

/** `coffer inspect`: what an endpoint asks for, and who will not be able to pay it. */
export const inspect: Command = {
  name: 'inspect',
  summary: 'Explains what any x402 or MPP endpoint asks for, and finds what keeps clients from paying it',
  usage: '<url> [-X <method>] [-H <field>] [-d <data>] [--timeout <seconds>] [--json]',
  options: {
    ...requestOptions,
    timeout: { type: 'string', help: 'seconds that each answer may take to begin, and to end; default 10' },
    json: { type: 'boolean', help: 'all that was found as one JSON object, for programs' },
  },
  async run(call) {
    const { values, terminal } = call
    const timeout = String(values['timeout'] ?? '10')
    if (!/^\d{1,3}$/.test(timeout) || Number(timeout) < 1)
      throw new UsageError('--timeout: expected seconds from 1 to 999')
    const request = await readRequest(call)
    const inspection = await inspectEndpoint({
      ...request,
      timeoutMs: 1000 * Number(timeout),
      signal: terminal.signal,
    })
    const { others: _, ...report } = inspection
    terminal.out(values['json'] === true ? `${JSON.stringify(report, null, 2)}\n` : format(inspection))
    return hasError(inspection.remarks) ? EXIT.failed : EXIT.ok
  },
}

function format({ method, finalUrl, status, headMs, challenges, remarks, others }: Inspection): string {
  const head = `${method} ${finalUrl}: ${status ?? 'no answer'}${headMs === null ? '' : `, in ${headMs.toFixed(0)} ms`}\n`
  return [
    head,
    ...challenges.map((challenge) => `\n${formatExplanation(challenge)}`),
    others.length === 0 ? '' : `\n${formatRemarks(others)}`,
    `\n${countOf(remarks)}\n`,
  ].join('')
}

function countOf(remarks: readonly Remark[]): string {
  const count = (severity: Remark['severity'], name: string): string => {
    const found = remarks.filter((each) => each.severity === severity).length
    return `${found} ${name}${found === 1 ? '' : 's'}`
  }
  return [count('error', 'error'), count('warning', 'warning'), count('note', 'note')].join(', ')
}
