import type { Payment } from '../payments/payment.ts'
import { paymentInfo, routeName } from '../payments/payment-info.ts'
import { catalog } from '../problems/catalog.ts'
import type { Refusal } from '../problems/refusal.ts'
import type { PaymentFacts, RequestFacts } from './events.ts'

/** What is told of a payment. */
export function paymentFacts(payment: Payment, detail: string | null = null): PaymentFacts {
  const info = paymentInfo(payment)
  return { payment: { ...info, route: routeName(info.route) }, detail }
}

/** What is told of a request that was refused. */
export function requestFacts(
  { method, url }: { readonly method: string; readonly url: URL },
  { reason, cause }: Refusal,
): RequestFacts {
  return { route: `${method} ${url.pathname}`, reason, status: catalog[reason].status, cause: cause ?? null }
}
