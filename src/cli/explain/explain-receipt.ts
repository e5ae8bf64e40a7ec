import { isJsonObject } from '../../lib/json.ts'
import { parseReceipt as parseMppReceipt } from '../../protocols/mpp/receipt.ts'
import { parseNetwork } from '../../protocols/x402/network-name.ts'
import { type Explanation, unreadable } from '../show/explanation.ts'
import { meaningsOf, showDistance } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { remark } from '../show/remark.ts'
import { openStandard, openUrlSafe } from './envelope.ts'
import { malformed, shown } from './token-remarks.ts'

const x402Meaning = meaningsOf({
  success: 'whether the money moved',
  transaction: 'transaction that moved it; empty when there is none, or none yet',
  payer: 'who paid',
  amount: 'base units that were paid',
  errorReason: 'why it did not',
  status: 'how far it is',
})

/** Explains `PAYMENT-RESPONSE` (x402 version 2) or `X-PAYMENT-RESPONSE` (version 1). */
export function explainX402Receipt(text: string, name: string): Explanation {
  const what = `${name}: what an x402 server says that it was paid`
  const { value, remarks } = openStandard(text, name)
  if (value === null) return unreadable(what, ...remarks)
  const fields = Object.entries(value).map(([member, held]) => {
    const chain = member === 'network' ? parseNetwork(held) : null
    const text = isJsonObject(held) ? JSON.stringify(held) : held
    return {
      name: member,
      value: shown(text),
      meaning: chain === null ? x402Meaning(member) : showNetwork(chain),
    }
  })
  const { success, errorReason } = value
  const more =
    typeof success !== 'boolean'
      ? [malformed('success', 'true or false')]
      : success
        ? []
        : [remark('payment-failed', `It says that the payment failed: ${shown(errorReason)}.`)]
  return { what, fields, parts: [], remarks: [...remarks, ...more] }
}

const mppMeaning = meaningsOf({
  status: 'whether the payment succeeded',
  method: 'how it was paid',
  reference: 'transaction that moved the money; for a price of zero, the challenge',
})

/** Explains `Payment-Receipt` (MPP). */
export function explainMppReceipt(text: string): Explanation {
  const what = 'Payment-Receipt: what an MPP server says that it was paid'
  const { value, remarks } = openUrlSafe(text, 'Payment-Receipt')
  if (value === null) return unreadable(what, ...remarks)
  const fields = Object.entries(value).map(([name, held]) => ({
    name,
    value: shown(held),
    meaning: name === 'timestamp' ? showDistance(Date.parse(shown(held))) : mppMeaning(name),
  }))
  const isWhole = remarks.length > 0 || parseMppReceipt(text) !== null
  const more = isWhole ? [] : [malformed('receipt', 'status success, with method, timestamp and reference')]
  return { what, fields, parts: [], remarks: [...remarks, ...more] }
}
