import { existsSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { type PaidAnswer, paymentOf } from '../../client.ts'
import { type CommandCall, UsageError } from '../command.ts'
import { printable } from '../show/field-list.ts'

/** Where an answer goes. */
export interface PayOutput {
  /** Writes an answer as it comes. */
  write(answer: Response): Promise<void>
  close(): Promise<void>
}

/** An answer, for programs. */
export interface AnswerReport {
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `null` when it went to a file. */
  readonly body: string | null
  readonly bodyEncoding: 'utf8' | 'base64' | null
  readonly bodyFile: string | null
  readonly bytes: number
  /** `null` when nothing was paid for this answer. */
  readonly payment: PaymentReport | null
}

/** What was paid, for programs. */
export interface PaymentReport extends Omit<PaidAnswer['attempt']['payment'], 'decimals'> {
  readonly attempt: string
  /** Whether its answer may still be had with the same request. */
  readonly isOpen: boolean
  readonly transaction: string | null
  readonly receipt: PaidAnswer['receipt']
  /** This client's own name of the session that it opened. */
  readonly session: string | null
}

/** Longest body that becomes part of a JSON object. */
const MAX_JSON_BODY = 64 * 2 ** 20

/**
 * Opens what an answer is written to, before anything is paid.
 *
 * @throws UsageError when a file cannot be written.
 */
export async function openOutput({ values, terminal }: CommandCall): Promise<PayOutput> {
  const secretField = String(values['session-header'] ?? 'X-PRUDRA-SESSION-ID')
  const path = typeof values['output'] === 'string' ? values['output'] : null
  const isNew = path !== null && !existsSync(path)
  // What is in it stays, until there is something to take its place.
  const file = path === null ? null : await open(path, 'a').catch(cannotWrite)
  const isJson = values['json'] === true
  let isSaved = false

  async function save(answer: Response, to: FileHandle): Promise<number> {
    isSaved = true
    // Pipes and devices have nothing to cut off.
    if ((await to.stat()).isFile()) await to.truncate(0)
    let bytes = 0
    for await (const chunk of answer.body ?? []) {
      await to.writeFile(chunk)
      bytes += chunk.length
    }
    return bytes
  }

  return {
    async write(answer) {
      if (isJson) {
        const report = file === null ? await bodyOf(answer) : { ...NOTHING, bytes: await save(answer, file) }
        const { url, status } = answer
        const { body, bodyEncoding, bytes } = report
        const headers = Object.fromEntries(fieldsOf(answer, secretField))
        const payment = paymentReport(paymentOf(answer))
        const whole: AnswerReport = {
          url,
          status,
          headers,
          body,
          bodyEncoding,
          bodyFile: path,
          bytes,
          payment,
        }
        return terminal.out(`${JSON.stringify(whole, null, 2)}\n`)
      }
      if (values['include'] === true) terminal.out(headOf(answer, secretField))
      if (file !== null) return void (await save(answer, file))
      for await (const chunk of answer.body ?? []) await terminal.write(chunk)
    },
    async close() {
      await file?.close()
      if (path !== null && isNew && !isSaved) await unlink(path)
    },
  }
}

const NOTHING = { body: null, bodyEncoding: null, bytes: 0 } as const

function cannotWrite(error: Error): never {
  throw new UsageError(`--output: ${error.message}`)
}

async function bodyOf(answer: Response): Promise<Pick<AnswerReport, 'body' | 'bodyEncoding' | 'bytes'>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_JSON_BODY) throw new Error('the answer is too long for --json: use --output, too')
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  const text = whole.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(whole)
  return isText
    ? { body: text, bodyEncoding: 'utf8', bytes }
    : { body: whole.toString('base64'), bodyEncoding: 'base64', bytes }
}

/** Fields of an answer without the id of a session, which whoever has it can use. */
function fieldsOf({ headers }: Response, secretField: string): readonly (readonly [string, string])[] {
  return [...headers].map(([name, value]) => {
    const isSecret = name === secretField.toLowerCase() || /^sess_/.test(value)
    return [name, isSecret ? '(kept: see coffer sessions)' : value]
  })
}

function headOf(answer: Response, secretField: string): string {
  const lines = fieldsOf(answer, secretField).map(([name, value]) => `${name}: ${printable(value)}\n`)
  const status = `HTTP ${answer.status} ${printable(answer.statusText)}`.trimEnd()
  return `${status}\n${lines.join('')}\n`
}

function paymentReport(paid: PaidAnswer | null): PaymentReport | null {
  if (paid === null) return null
  const { attempt, transaction, receipt, session } = paid
  const { decimals: _, ...payment } = attempt.payment
  return {
    attempt: attempt.id,
    isOpen: attempt.isOpen,
    ...payment,
    transaction,
    receipt,
    session: session?.id ?? null,
  }
}
