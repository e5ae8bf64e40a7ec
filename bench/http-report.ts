import { goalCells } from './goals.ts'
import { CONNECTIONS, goalOf, type HttpEffort, type HttpResult } from './http.ts'
import { digits, formatTable } from './report.ts'

/** Writes the section of servers. */
export function formatHttp(results: readonly HttpResult[], { rounds, seconds }: HttpEffort): string {
  return `## Servers

Requests a second over the loopback, ${CONNECTIONS} connections of autocannon, which has a process of its own, as has each server. Medians of
${rounds} rounds of ${seconds} s whose order alternates, after a warm-up, with the slowest and fastest round; shares of the bare server's requests are
of the same round. The processor's microseconds are the server's own for one answer, with the bare server's share of them: where that is
less than the share of requests, it is the load and not the bare server that was at its limit. Every answer was looked at: its
status, and that it has all the fields that its client needs.

${formatTable([HEADINGS, ...results.map(rowOf)], 2)}
`
}

const HEADINGS = [
  'server',
  'who',
  'requests/s',
  'range',
  'of bare',
  'processor',
  'bare of it',
  'target',
  'reached',
]

function rowOf(result: HttpResult): string[] {
  const { contender, perSecond, ofBare, cpu, bareCpu } = result
  const { server, name, note } = contender
  return [
    server,
    note === undefined ? name : `${name} (${note})`,
    perSecond.median.toFixed(0),
    `${perSecond.min.toFixed(0)}-${perSecond.max.toFixed(0)}`,
    ofBare.median.toFixed(2),
    digits(cpu.median),
    bareCpu.toFixed(2),
    ...goalCells(goalOf(result)),
  ]
}
