import { api } from 'coffer/next'
import { cofferOf } from '../../../../till.ts'

export const { GET, HEAD, POST, PATCH, DELETE, OPTIONS } = api({
  fetch: (request) => cofferOf(request).fetch(request),
})
