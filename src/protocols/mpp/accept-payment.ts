import { CHARGE_INTENT, type Method } from './method.ts'

/** One element of `Accept-Payment`: which methods and intents, how much they are wanted. */
export interface PaymentRange {
  /** Name of a method, or `*`. */
  readonly method: string
  /** Name of an intent, or `*`. */
  readonly intent: string
  /** 0 (not at all) to 1. */
  readonly q: number
}

/** payment-token [ weight ] (draft-httpauth-payment-00 section 7.4); qvalue as in RFC 9110 section 12.4.2. */
const RANGE = /^(\*|[a-z0-9-]+)\/(\*|[A-Za-z0-9-]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

/** Parses `Accept-Payment`; `null` when any element is malformed. */
export function parseAcceptPayment(field: string): readonly PaymentRange[] | null {
  const ranges: PaymentRange[] = []
  for (const element of field.split(',')) {
    const text = element.trim()
    // RFC 9110 section 5.6.1.2: empty elements do not count.
    if (text === '') continue
    const [, method, intent, q = '1'] = RANGE.exec(text) ?? []
    if (method === undefined || intent === undefined) return null
    ranges.push({ method, intent, q: Number(q) })
  }
  return ranges
}

/**
 * The methods to offer, the client's favourite first; among equals our own order holds. All of them when the client
 * says nothing, says it wrongly, or wants none of ours: it may still change its mind.
 */
export function selectMethods(methods: readonly Method[], field: string | null): readonly Method[] {
  const ranges = field === null ? null : parseAcceptPayment(field)
  if (ranges === null) return methods
  const wanted = methods
    .map((method) => ({ method, q: weigh(method, ranges) }))
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q)
  return wanted.length === 0 ? methods : wanted.map(({ method }) => method)
}

/** The most specific range decides, so that `tempo/charge;q=0` wins over a wildcard; then the larger weight. */
function weigh({ name }: Method, ranges: readonly PaymentRange[]): number {
  let best = { specificity: -1, q: 0 }
  for (const { method, intent, q } of ranges) {
    if ((method !== '*' && method !== name) || (intent !== '*' && intent !== CHARGE_INTENT)) continue
    const specificity = Number(method !== '*') + Number(intent !== '*')
    if (specificity > best.specificity || (specificity === best.specificity && q > best.q))
      best = { specificity, q }
  }
  return best.q
}
