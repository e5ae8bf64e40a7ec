/** A process that loads servers: asked for a {@link Load}, it answers with what came of it. */
import autocannon from 'autocannon'
import { answerParent } from './process.ts'

/** Requests as fast as the answers come. */
export interface Load {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** What every answer has to be. */
  readonly expect: { readonly status: number; readonly fields: readonly string[] }
}

/** What came of a load. */
export interface Loaded {
  /** Answers in a second. */
  readonly perSecond: number
  readonly answers: number
  /** Answers that were not as expected, and requests without one. */
  readonly wrong: number
}

answerParent(null, async ({ url, headers, connections, seconds, expect }: Load): Promise<Loaded> => {
  let [answers, wrong] = [0, 0]
  const begin = performance.now()
  const { errors, timeouts } = await autocannon({
    url,
    headers: { ...headers },
    connections,
    duration: seconds,
    // It looks at the clock no more often than it takes samples.
    sampleInt: 50,
    setupClient: (client) => {
      client.on('headers', (head) => {
        answers++
        if (!isExpected(head as unknown as Head, expect)) wrong++
      })
    },
  })
  const elapsed = (performance.now() - begin) / 1000
  return { perSecond: answers / elapsed, answers, wrong: wrong + errors + timeouts }
})

/** What autocannon says of an answer, whatever its types say: names and values in turn. */
interface Head {
  readonly statusCode: number
  readonly headers: readonly string[]
}

function isExpected({ statusCode, headers }: Head, { status, fields }: Load['expect']): boolean {
  if (statusCode !== status) return false
  const names = new Set<string>()
  for (let at = 0; at < headers.length; at += 2) names.add(headers[at]?.toLowerCase() ?? '')
  return fields.every((field) => names.has(field))
}
