import type { OfferInfo } from '../../client.ts'
import { type CommandCall, EXIT } from '../command.ts'
import { transactionFields } from '../explain/transaction-fields.ts'
import { typedDataFields } from '../explain/typed-data-fields.ts'
import { type Field, formatFields, printable, showTime } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { knownToken } from '../show/token-name.ts'
import { type DryRun, dryRun, type Signing } from './dry-run.ts'
import { payFailure } from './pay-failure.ts'
import { readRequest } from './request-options.ts'

/** `coffer pay --dry-run`: what would be signed, in words and as it is. */
export async function reportDryRun(call: CommandCall): Promise<number> {
  const { values, terminal } = call
  const isJson = values['json'] === true
  const request = await readRequest(call)
  try {
    const run = await dryRun(request, call)
    terminal.out(isJson ? `${asJson({ dryRun: true, ...run })}\n` : format(run))
    return EXIT.ok
  } catch (error) {
    const failure = await payFailure(error, null)
    if (isJson)
      terminal.out(`${asJson({ dryRun: true, error: failure.error, exitCode: failure.exitCode })}\n`)
    terminal.err(`coffer pay: ${printable(failure.line)}\n`)
    return failure.exitCode
  }
}

function format({ status, payer, offer, signing, open, sessions }: DryRun): string {
  const first = [
    ...open
      .slice(0, 1)
      .map(({ id }) => `${id} has paid for this and has no answer yet: it would be taken up again.\n`),
    ...sessions.slice(0, 1).map(({ id }) => `A session of this origin would be tried first: ${id}.\n`),
  ].join('')
  if (offer === null || signing === null) {
    return `${first}The server answered ${status}: nothing would be paid.\n`
  }
  return `${first}${formatOffer(offer, payer)}\n${formatSigning(signing, offer)}\nThis is a dry run: nothing was signed.\n`
}

function formatOffer(offer: OfferInfo, payer: string): string {
  const { amount, symbol, usd, network, recipient, protocol, method, expiresAt, description, splits } = offer
  const fields: Field[] = [
    { name: 'pays', value: `${amount} ${symbol}`, meaning: usd === null ? '' : `${usd} US dollars` },
    { name: 'from', value: payer, meaning: '' },
    { name: 'to', value: recipient, meaning: '' },
    ...splits.map((split) => ({
      name: 'and to',
      value: split.recipient,
      meaning: `${split.units} base units of it`,
    })),
    { name: 'on', value: showNetwork(network), meaning: '' },
    { name: 'by', value: `${protocol} ${method}`, meaning: '' },
    ...(expiresAt === null ? [] : [{ name: 'offered until', value: showTime(expiresAt), meaning: '' }]),
    ...(description === null ? [] : [{ name: 'for', value: description, meaning: 'in words of the server' }]),
  ]
  return `Would be paid:\n${formatFields(fields)}`
}

function formatSigning(signing: Signing, offer: OfferInfo): string {
  const token = knownToken(offer.network, offer.asset)
  if (signing.kind === 'transaction') {
    const fields = formatFields(transactionFields(signing.transaction, token))
    return `Would be signed, a transaction:\n${fields}\nEncoded, without its signature:\n${signing.unsigned}\n`
  }
  const { typedData, digest } = signing
  const fields = formatFields([
    ...typedDataFields(typedData, token),
    { name: 'digest', value: digest, meaning: 'what the key signs' },
  ])
  return `Would be signed, typed data (EIP-712):\n${fields}\nAs it is:\n${asJson(typedData)}\n`
}

/** Integers that JSON has no room for as decimal text. */
function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? item.toString() : item), 2)
}
