import { type Command, EXIT, UsageError } from './command.ts'
import { explainText } from './explain/explain-value.ts'
import { formatExplanation, remarksOf } from './show/explanation.ts'
import { hasError } from './show/remark.ts'

/** Longest text that is read from standard input. */
const MAX_INPUT = 2 ** 20

/** `coffer explain`: what a field says that two machines exchange. */
export const explain: Command = {
  name: 'explain',
  summary: 'Says what a field of x402 or MPP means, and whether its signature is right',
  usage: '[<field>] [--json]',
  options: { json: { type: 'boolean', help: 'explanations as JSON, for programs' } },
  async run({ values, rest, terminal }) {
    const text = rest.length === 0 || rest[0] === '-' ? await readAll(terminal.input()) : rest.join(' ')
    const found = await explainText(text)
    if (found.length === 0)
      throw new UsageError('expected a field of x402 or MPP, with or without its name, or a whole head')
    terminal.out(
      values['json'] === true
        ? `${JSON.stringify(found, null, 2)}\n`
        : found.map((each) => formatExplanation(each)).join('\n'),
    )
    return hasError(found.flatMap(remarksOf)) ? EXIT.failed : EXIT.ok
  },
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    length += chunk.length
    if (length > MAX_INPUT) throw new UsageError(`standard input has more than ${MAX_INPUT} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
