import { paid } from 'coffer/next'
import { shopOf } from '../../../shop.ts'

function handle(request: Request, context: object): Promise<Response> {
  const { coffer, route, tell } = shopOf(request)
  return paid(coffer, route, (asking, grant, _context: object) => tell(asking, grant))(request, context)
}

export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
}
