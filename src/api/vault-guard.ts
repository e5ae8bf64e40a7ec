import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { AccessTokens, TokenGrant } from '../vaults/access-tokens.ts'
import { bearerScheme, bearerToken, READ_ONLY } from './bearer.ts'
import type { Admission, Guard } from './route.ts'

/** Who may use the routes of vaults. */
export interface VaultGuards {
  /** Who has an API key, or an access token of the very vault that the path names as `:id`. */
  readonly readers: Guard
  /** Who has an API key. Tells holders of access tokens that these are for reading. */
  readonly operators: Guard
}

/**
 * Makes the guards of vaults: API keys open all of them, an access token reads one. The {@link Admission} of a request
 * that a token let in names the token, so that what goes on for long can end with it.
 */
export function vaultGuards(keys: Guard, tokens: AccessTokens): VaultGuards {
  function guard(
    facts: Pick<Guard, 'schemes' | 'problems'>,
    admitToken: (token: TokenGrant) => Admission | Refusal,
  ): Guard {
    return {
      ...facts,
      async admit(request, params) {
        const byKey = await keys.admit(request, params)
        const bearer = bearerToken(request)
        if (!isRefusal(byKey) || bearer === null) return byKey
        const token = await tokens.verify(bearer)
        if (isRefusal(token)) return byKey
        // Whether there is such a vault is none of the holder's business.
        const isOther = params['id'] !== undefined && params['id'] !== token.vaultId
        return isOther ? NOT_FOUND : admitToken(token)
      },
    }
  }
  const { schemes, problems } = keys
  const both = { ...schemes, accessToken: bearerScheme('An access token of the vault.') }
  return {
    readers: guard({ schemes: both, problems }, (token) => ({ token })),
    operators: guard({ schemes, problems: [...problems, 'forbidden'] }, () => READ_ONLY),
  }
}

const NOT_FOUND = refuse('vault-not-found', 'There is no such vault.')
