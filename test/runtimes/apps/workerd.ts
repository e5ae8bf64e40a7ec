import { paidOn } from 'coffer/fetch'
import { shopOf } from './shop.ts'
import { cofferOf, LATER, WARE } from './till.ts'

type Context = { waitUntil(work: Promise<unknown>): void }

const paid = paidOn<[env: unknown, context: Context]>({
  address: ({ headers }) => headers.get('cf-connecting-ip') ?? undefined,
  context: (_request, _env, context) => context,
})

export default {
  fetch(request: Request, env: unknown, context: Context): Promise<Response> {
    const [, part, id] = new URL(request.url).pathname.split('/')
    if (part === 'coffer') return cofferOf(request).fetch(request)
    if (part === 'wares' || part === 'later') {
      return paid(cofferOf(request), part === 'wares' ? WARE : LATER, (_, { payment }) =>
        Response.json({ id, paidBy: payment.payer }),
      )(request, env, context)
    }
    const { coffer, route, tell } = shopOf(request)
    return paid(coffer, route, tell)(request, env, context)
  },
}
