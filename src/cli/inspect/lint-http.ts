import { parseJsonObject } from '../../lib/json.ts'
import { isThisMachine } from '../../lib/this-machine.ts'
import { type Remark, remark } from '../show/remark.ts'
import { type Answer, isAnswer, MAX_BODY, type NoAnswer } from './probe.ts'

/** What besides the 402 itself was asked. */
export interface Sides {
  /** `OPTIONS` as a browser asks before it pays. */
  readonly preflight: Answer | NoAnswer
  /** `HEAD`, where the request is a `GET`. */
  readonly head: Answer | NoAnswer | null
}

/** Largest clock difference, milliseconds, that expiries take no harm from. */
const MAX_SKEW_MS = 30_000

/** More than this some proxies refuse with their defaults: 8 KiB for all fields together. */
const LARGE_HEAD = 8192

/** What is wrong with a 402 as an HTTP answer. */
export function lintAnswer(answer: Answer): readonly Remark[] {
  const { headers, headMs, body, url } = answer
  const size = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  const date = Date.parse(headers.get('date') ?? '')
  const skew = Math.round(Math.abs(Date.now() - date))
  return [
    ...(url.protocol === 'https:' || isThisMachine(url.hostname)
      ? []
      : [
          remark('not-https', 'The connection is not encrypted: clients do not pay over it.', 'Serve https.'),
        ]),
    ...lintCaching(headers),
    ...(size > LARGE_HEAD
      ? [remark('head-large', `Its fields have ${size} bytes: some proxies refuse more than ${LARGE_HEAD}.`)]
      : []),
    ...(headMs > 5000
      ? [remark('slow', `It took ${(headMs / 1000).toFixed(1)} s: challenges get old meanwhile.`)]
      : []),
    ...(skew > MAX_SKEW_MS
      ? [
          remark(
            'clock',
            `Its clock is ${Math.round(skew / 1000)} s from ours.`,
            'Run NTP: expiries go by clocks.',
          ),
        ]
      : []),
    ...(body === 'whole'
      ? lintProblem(answer)
      : [
          remark(
            'body-unread',
            `The body is ${body}: clients give up on it (${MAX_BODY} bytes, some seconds).`,
          ),
        ]),
  ]
}

function lintCaching(headers: Headers): readonly Remark[] {
  const cache = (headers.get('cache-control') ?? '').toLowerCase()
  const advice = 'Send Cache-Control: no-store with every 402.'
  if (/\bno-store\b/.test(cache)) return []
  if (/\bpublic\b|\bs-maxage=[1-9]|\bmax-age=[1-9]/.test(cache)) {
    return [
      remark('cacheable', 'Caches may keep the 402: payers get challenges of others, or old ones.', advice),
    ]
  }
  if (/\bprivate\b|\bno-cache\b/.test(cache)) return []
  return [remark('no-store-missing', 'It does not forbid caches to keep it.', advice)]
}

function lintProblem({ headers, text }: Answer): readonly Remark[] {
  const type = headers.get('content-type') ?? ''
  const problem = parseJsonObject(text ?? '')
  if (!/^application\/problem\+json\b/i.test(type)) {
    const advice = 'Answer application/problem+json (RFC 9457), so that agents can read why.'
    return [remark('no-problem', `The body is ${type === '' ? 'of no type' : type.slice(0, 60)}.`, advice)]
  }
  if (problem === null) return [remark('problem-malformed', 'The body is not the JSON that it says it is.')]
  const { status, title } = problem
  return [
    ...(status !== undefined && status !== 402
      ? [remark('problem-status', 'The problem names another status than the answer has.')]
      : []),
    ...(typeof title === 'string' ? [] : [remark('problem-untitled', 'The problem has no title.')]),
  ]
}

/** What is wrong with what stands around a 402: other methods, and whether a browser can pay. */
export function lintSides(answer: Answer, { preflight, head }: Sides, origin: string): readonly Remark[] {
  return [
    ...(head === null ? [] : lintHead(head)),
    ...lintCors(answer, origin),
    ...lintPreflight(answer, preflight, origin),
  ]
}

function lintHead(head: Answer | NoAnswer): readonly Remark[] {
  if (!isAnswer(head) || head.status >= 300) return []
  const says = `HEAD is answered ${head.status} unpaid: if it runs the handler of GET, that runs for nothing.`
  return [remark('head-unpaid', says, 'Price HEAD as GET.')]
}

function lintCors({ headers }: Answer, origin: string): readonly Remark[] {
  const allowed = headers.get('access-control-allow-origin')
  if (allowed !== '*' && allowed !== origin) {
    const says = `Scripts of ${origin} cannot read the answer: no agent in a browser can pay.`
    return [remark('cors-origin', says, 'Send Access-Control-Allow-Origin, unless that is what you want.')]
  }
  const exposed = listOf(headers.get('access-control-expose-headers'))
  const hidden = challengeFields(headers).filter((name) => !exposed.includes(name) && !exposed.includes('*'))
  const says = `Scripts cannot read ${hidden.join(', ')}: no agent in a browser can pay.`
  return [
    ...(hidden.length === 0
      ? []
      : [remark('cors-expose', says, `Send Access-Control-Expose-Headers: ${hidden.join(', ')}.`)]),
    ...(allowed === '*' || listOf(headers.get('vary')).some((name) => name === 'origin' || name === '*')
      ? []
      : [remark('vary-origin', 'The answer differs by Origin, and does not say so.', 'Send Vary: Origin.')]),
  ]
}

function lintPreflight({ headers }: Answer, preflight: Answer | NoAnswer, origin: string): readonly Remark[] {
  if (!isAnswer(preflight)) return [remark('preflight-unanswered', `OPTIONS: ${preflight.why}`)]
  const { status, headers: said } = preflight
  if (status === 402) {
    const says = 'OPTIONS is priced: browsers ask it before they pay, and cannot pay for it.'
    return [remark('preflight-priced', says, 'Answer OPTIONS for free.')]
  }
  const allowed = said.get('access-control-allow-origin')
  const isAllowed = status >= 200 && status < 300 && (allowed === '*' || allowed === origin)
  if (!isAllowed) {
    const says = `OPTIONS is answered ${status} and allows ${origin} nothing: no agent in a browser can pay.`
    return [
      remark('preflight-refused', says, 'Answer OPTIONS with the CORS fields, without asking for payment.'),
    ]
  }
  const fields = listOf(said.get('access-control-allow-headers'))
  const missing = credentialFields(headers).filter(
    (name) => !fields.includes(name) && (name === 'authorization' || !fields.includes('*')),
  )
  const says = `OPTIONS does not allow ${missing.join(', ')}: a browser sends no payment.`
  return missing.length === 0
    ? []
    : [remark('preflight-fields', says, `Add ${missing.join(', ')} to Access-Control-Allow-Headers.`)]
}

const challengeFields = (headers: Headers): readonly string[] =>
  ['www-authenticate', 'payment-required'].filter((name) => headers.has(name))

/** Fields that pay what an answer asks, in lower case. */
export function credentialFields(headers: Headers): readonly string[] {
  const mpp = /\bpayment\b/i.test(headers.get('www-authenticate') ?? '') ? ['authorization'] : []
  return [...(headers.has('payment-required') ? ['payment-signature'] : []), ...mpp]
}

function listOf(field: string | null): readonly string[] {
  return (field ?? '').split(',').map((name) => name.trim().toLowerCase())
}
