import { paid } from 'coffer/next'
import { cofferOf, WARE } from '../../../../till.ts'

interface Context {
  readonly params: Promise<{ readonly id: string }>
}

export function GET(request: Request, context: Context): Promise<Response> {
  return paid(cofferOf(request), WARE, async (_, { payment }, { params }: Context) =>
    Response.json({ id: (await params).id, paidBy: payment.payer }),
  )(request, context)
}
