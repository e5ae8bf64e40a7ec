import { parseJsonObject } from '../../lib/json.ts'
import { parseChallenges } from '../../protocols/mpp/challenge.ts'
import { explainMppChallenges } from '../explain/explain-mpp-challenge.ts'
import { explainPaymentRequired, explainV1Body } from '../explain/explain-x402-challenge.ts'
import { type Explanation, remarksOf } from '../show/explanation.ts'
import { type Remark, remark } from '../show/remark.ts'
import { credentialFields, lintAnswer, lintSides } from './lint-http.ts'
import { lintOffers, readOffered } from './lint-offers.ts'
import { type Answer, isAnswer, type NoAnswer, probe, type Question } from './probe.ts'

/** What was found out about an endpoint. */
export interface Inspection {
  readonly method: string
  /** What was asked for first. */
  readonly url: string
  /** What answered, after redirects. */
  readonly finalUrl: string
  /** `null` when nothing did. */
  readonly status: number | null
  readonly headMs: number | null
  /** Each challenge, field by field. */
  readonly challenges: readonly Explanation[]
  /** All remarks: on the challenges, and on what stands around them. */
  readonly remarks: readonly Remark[]
  /** Those of {@link remarks} that are on no challenge. */
  readonly others: readonly Remark[]
}

/** What a browser's page asks from, when nothing else is said. */
const ORIGIN = 'https://agent.example'

const MAX_REDIRECTS = 5

/** Makes a request without a payment, and looks at all that a client would look at, and some more. */
export async function inspectEndpoint(question: Question): Promise<Inspection> {
  const origin = question.headers.get('origin') ?? ORIGIN
  const headers = new Headers(question.headers)
  headers.set('origin', origin)
  const { answer, asked, remarks } = await follow({ ...question, headers }, origin)
  const seen = { method: question.method, url: question.url.href, finalUrl: answer.url.href }
  if (!isAnswer(answer)) {
    const others = [...remarks, remark(answer.failure, answer.why, ADVICE[answer.failure])]
    return { ...seen, status: null, headMs: null, challenges: [], remarks: others, others }
  }
  const { status, headMs } = answer
  if (status !== 402) {
    const others = [...remarks, remark('not-402', `It is answered ${status}, and asks for no payment.`)]
    return { ...seen, status, headMs, challenges: [], remarks: others, others }
  }
  const challenges = challengesOf(answer)
  const body = answer.body === 'whole' ? parseJsonObject(answer.text ?? '') : null
  const [again, atOnce, preflight, head] = await Promise.all([
    probe(asked),
    probe(asked),
    probe(preflightOf(asked, answer, origin)),
    asked.method === 'GET' ? probe({ ...asked, method: 'HEAD' }) : null,
  ])
  const others = [
    ...remarks,
    ...lintAnswer(answer),
    ...lintSides(answer, { preflight, head }, origin),
    ...lintOffers(readOffered(answer.headers, body), answer.url),
    ...lintUniqueness([answer, again, atOnce]),
  ]
  return {
    ...seen,
    status,
    headMs,
    challenges,
    remarks: [...challenges.flatMap(remarksOf), ...others],
    others,
  }
}

const ADVICE: Readonly<Record<NoAnswer['failure'], string>> = {
  'head-too-large': 'Clients on Node read no more: shorten the challenges.',
  'too-slow': 'Answer a request without a payment before anything else is done.',
  unreachable: '',
  'broken-off': '',
}

/** Asks, and follows redirects by hand, so that they are seen and end. */
async function follow(
  first: Question,
  origin: string,
): Promise<{
  readonly answer: Answer | NoAnswer
  readonly asked: Question
  readonly remarks: readonly Remark[]
}> {
  const remarks: Remark[] = []
  let asked = first
  for (let hops = 0; ; hops++) {
    const answer = await probe(asked)
    const target = isAnswer(answer) && answer.status >= 300 && answer.status < 400 ? targetOf(answer) : null
    if (target === null) return { answer, asked, remarks }
    if (hops === MAX_REDIRECTS) {
      remarks.push(remark('redirect-endless', `It redirects more than ${MAX_REDIRECTS} times.`))
      return { answer, asked, remarks }
    }
    const isElsewhere = target.origin !== asked.url.origin
    const isSafe = asked.method === 'GET' || asked.method === 'HEAD'
    const says = `It redirects to ${target.origin}${target.pathname.slice(0, 100)}.`
    const advice = 'Clients send no payment along a redirect: publish where it leads.'
    remarks.push(remark(isElsewhere || !isSafe ? 'redirected-away' : 'redirected', says, advice))
    if (!isSafe || !/^https?:$/.test(target.protocol)) return { answer, asked, remarks }
    // What was meant for one server is not told to the next.
    asked = { ...asked, url: target, headers: isElsewhere ? new Headers({ origin }) : asked.headers }
  }
}

function targetOf({ headers, url }: Answer): URL | null {
  const location = headers.get('location')
  return location !== null && URL.canParse(location, url.href) ? new URL(location, url) : null
}

function preflightOf(asked: Question, { headers }: Answer, origin: string): Question {
  const fields = {
    origin,
    'access-control-request-method': asked.method,
    'access-control-request-headers': credentialFields(headers).join(', '),
  }
  return { ...asked, method: 'OPTIONS', body: null, headers: new Headers(fields) }
}

function challengesOf({ headers, text, body }: Answer): readonly Explanation[] {
  const [required, authenticate] = [headers.get('payment-required'), headers.get('www-authenticate')]
  const json = body === 'whole' ? parseJsonObject(text ?? '') : null
  const mpp = authenticate === null ? null : explainMppChallenges(authenticate)
  return [
    ...(required === null ? [] : [explainPaymentRequired(required)]),
    ...(json !== null && 'accepts' in json && json['x402Version'] === 1 ? [explainV1Body(json)] : []),
    ...(mpp === null ? [] : [mpp]),
  ]
}

/** Two who ask at once must not get the same challenge: the one would spend it, and the other be taken for a repeat. */
function lintUniqueness(answers: readonly (Answer | NoAnswer)[]): readonly Remark[] {
  const other = answers.find((answer) => !isAnswer(answer) || answer.status !== 402)
  if (other !== undefined) {
    const what = isAnswer(other) ? `answered ${other.status}` : other.why
    return [remark('repeat-differs', `The same request, made again, is not answered alike: ${what}`)]
  }
  const ids = answers.filter(isAnswer).flatMap((answer) => [...new Set(idsOf(answer))])
  if (new Set(ids).size === ids.length) return []
  const says = 'Two requests got one challenge: of two payers, one is taken for a repeat of the other.'
  return [remark('challenge-reused', says, 'Put something random into each challenge.')]
}

function idsOf({ headers }: Answer): readonly string[] {
  const challenges = parseChallenges(headers.get('www-authenticate') ?? '') ?? []
  return challenges.flatMap((challenge) => challenge?.id ?? [])
}
