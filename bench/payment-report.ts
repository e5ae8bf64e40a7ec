import { isReached } from './goals.ts'
import { goalsOf, type PaymentEffort, type PaymentResult } from './payments.ts'
import { digits, formatTable } from './report.ts'
import { spreadOf } from './spread.ts'

/** Writes the section of payments. */
export function formatPayments(results: readonly PaymentResult[], effort: PaymentEffort): string {
  const levels = Object.keys(effort.payments)
  const headings = [
    'path',
    'who',
    ...levels.map((each) => `${each} at once`),
    'server',
    'failed',
    'unserved',
    'ahead',
    'reached',
  ]
  const counts = Object.entries(effort.payments).map(
    ([atOnce, count]) => `${count} payments ${atOnce} at once`,
  )
  return `## Payments

Payments a second on local chains, from the request to the report and its receipt: 402, signature, settlement, 200. Express; payers, each shop,
chains and facilitator have processes of their own on one machine; payers are the official clients, each with an account of its own. Peers
look for their transactions every 20 to 50 ms, which is more often than they would by themselves. Medians of ${effort.rounds} rounds (${counts.join(', ')})
whose order alternates, ratios of the same round, and the milliseconds that the server's processor needs for one payment. Failed: payments
that did not end so. Unserved: those that the seller has by its balance and nobody got anything for, or the other way round. Ours is to
be ahead of the peer on its path however many pay at once, and to fail nobody.

${formatTable([headings, ...results.map((result) => rowOf(result, results, effort))], 2)}
`
}

function rowOf(result: PaymentResult, results: readonly PaymentResult[], effort: PaymentEffort): string[] {
  const { path, isOurs, rates, cpu, payments, failed, unserved, name } = result
  const goals = goalsOf(path, results, effort)
  const ratios = goals.slice(0, -1).map(({ got }) => `x ${digits(got)}`)
  return [
    isOurs ? path.title : '',
    name,
    ...rates.map((each) => digits(spreadOf(each).median)),
    digits(cpu),
    `${failed} of ${payments}`,
    String(unserved),
    isOurs ? ratios.join(', ') : '',
    isOurs ? (goals.every(isReached) ? 'yes' : 'NO') : '',
  ]
}
