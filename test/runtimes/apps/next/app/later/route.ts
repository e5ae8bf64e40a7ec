import { paid } from 'coffer/next'
import { cofferOf, LATER } from '../../../till.ts'

export function GET(request: Request, context: object): Promise<Response> {
  return paid(cofferOf(request), LATER, () => Response.json('on credit'))(request, context)
}
