import * as z from 'zod/mini'
import { CallError } from './call-error.ts'
import { target } from './request-fields.ts'
import type { Call } from './tool.ts'

/** Inputs that name a vault. */
export const vaultFields = {
  vault_url: target('URL of the vault, such as https://api.example.com/vaults/vlt_…'),
  token: z
    .string()
    .check(
      z.regex(/^[A-Za-z0-9._~+/-]{8,512}=*$/),
      z.describe('Access token of the vault, vat_…, as the seller gave it'),
    ),
}

/**
 * What sends the requests of a call: each ends with the call, or after a time.
 *
 * @throws CallError.
 */
export function vaultFetch(url: string, { fetch, reaches, signal }: Call, timeoutMs: number) {
  if (!reaches(new URL(url)))
    throw new CallError(`The configuration of this server does not let it talk to ${url}.`)
  const ends = [signal, AbortSignal.timeout(timeoutMs)]
  return (request: Request): Promise<Response> =>
    fetch(request, { signal: AbortSignal.any([...ends, request.signal]) })
}
