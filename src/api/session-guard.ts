import { constantTimeEqual } from '../lib/bytes.ts'
import { isRefusal } from '../problems/refusal.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { bearerScheme, bearerToken } from './bearer.ts'
import type { Guard } from './route.ts'

/**
 * Lets in who has an API key, and who shows the id of the session that the path names: its payer. Not where the session asks
 * its payer for a signature too, since there an id alone must be worth nothing to who finds it.
 */
export function sessionGuard(keys: Guard, sessions: Pick<Sessions, 'get'>): Guard {
  return {
    schemes: { ...keys.schemes, sessionId: bearerScheme('The id of the session itself.') },
    problems: keys.problems,
    async admit(request, params) {
      const byKey = await keys.admit(request, params)
      const { id = '' } = params
      if (!isRefusal(byKey) || !constantTimeEqual(bearerToken(request) ?? '', id)) return byKey
      const session = await sessions.get(id)
      return session?.bindPayer ? byKey : { token: null }
    },
  }
}
