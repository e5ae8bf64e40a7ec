import type { AttemptPayment, PayEvent } from '../../client.ts'
import type { CommandCall } from '../command.ts'
import { printable } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'

/** Tells who is watching what happens, as it happens. */
export function payProgress({ values, terminal }: CommandCall): (event: PayEvent) => void {
  if (!terminal.isInteractive && values['verbose'] !== true) return () => {}
  return (event) => {
    const line = lineOf(event)
    if (line !== null) terminal.err(`· ${printable(line)}\n`)
  }
}

function lineOf(event: PayEvent): string | null {
  switch (event.type) {
    case 'reserved':
      return `paying ${whatOf(event.attempt.payment)}`
    case 'sent':
      return 'signed, waiting for the answer …'
    case 'resumed':
      return `already paid for: fetching the answer of ${event.attempt.id} …`
    case 'retrying':
      return `${event.why} The same payment is sent again in ${(event.waitMs / 1000).toFixed(1)} s.`
    case 'paid': {
      const { amount, symbol, transaction } = event.payment
      return `paid ${amount} ${symbol}${transaction === null ? '' : `, transaction ${transaction}`}`
    }
    case 'session-opened':
      return `the server opened a session: ${event.session.id}`
    case 'journal-failed':
      return 'what became of the payment could not be written down'
    default:
      return null
  }
}

function whatOf({ amount, symbol, network, recipient, protocol, method }: AttemptPayment): string {
  return `${amount} ${symbol} on ${showNetwork(network)} to ${recipient} (${protocol} ${method})`
}
