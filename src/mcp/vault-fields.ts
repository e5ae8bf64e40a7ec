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

/** More than any list of a vault. */
const MAX_BYTES = 16 * 2 ** 20

/**
 * What sends the requests of a call: each ends with the call, or after a time, or when too much comes.
 *
 * @throws CallError.
 */
export function vaultFetch(
  url: string,
  { fetch, reaches, signal }: Call,
  timeoutMs: number,
): (request: Request) => Promise<Response> {
  if (!reaches(new URL(url)))
    throw new CallError(`The configuration of this server does not let it talk to ${url}.`)
  const ends = [signal, AbortSignal.timeout(timeoutMs)]
  return async (request) => {
    const answer = await fetch(request, { signal: AbortSignal.any([...ends, request.signal]) })
    return answer.body === null ? answer : new Response(answer.body.pipeThrough(bounded()), answer)
  }
}

function bounded(): TransformStream<Uint8Array, Uint8Array> {
  let length = 0
  return new TransformStream({
    transform(chunk, controller) {
      length += chunk.length
      if (length > MAX_BYTES) controller.error(new RangeError('more than a vault has to say'))
      else controller.enqueue(chunk)
    },
  })
}
