import { readBytes } from '../lib/body.ts'
import { fromUtf8 } from '../lib/bytes.ts'
import { type JsonObject, parseJsonObject } from '../lib/json.ts'
import type { Reason } from '../problems/catalog.ts'
import { CofferError } from '../problems/error.ts'
import { refuse } from '../problems/refusal.ts'

const MAX_PROBLEM = 64 * 1024

/** What a status means where the answer is no problem of ours, such as that of a proxy. */
const BY_STATUS: Readonly<Record<number, Reason>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
}

/** The error for an answer of 400 or above: `refused`, for the reason that the problem in it names (RFC 9457). */
export async function refusedBy(answer: Response): Promise<CofferError> {
  // Long, and seldom needed: who never meets a refusal does not load it.
  const { catalog } = await import('../problems/catalog.ts')
  const { code, detail } = await readProblem(answer)
  const isKnown = typeof code === 'string' && Object.hasOwn(catalog, code)
  const reason = isKnown ? (code as Reason) : (BY_STATUS[answer.status] ?? 'bad-request')
  const { title, status } = catalog[reason]
  const said = typeof detail === 'string' ? detail : title
  const message = `the server answered ${answer.status}: ${said}`
  return new CofferError('refused', message, { refusal: refuse(reason, said), status })
}

async function readProblem({ body }: Response): Promise<JsonObject> {
  try {
    const bytes = body && (await readBytes(body, MAX_PROBLEM))
    const text = bytes && fromUtf8(bytes)
    return (text && parseJsonObject(text)) || {}
  } catch {
    return {}
  }
}
