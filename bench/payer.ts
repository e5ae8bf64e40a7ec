import type { PayingFetch } from '../test/clients/official.ts'
import { REPORT_URL } from './terms.ts'

/**
 * What an official client answers to a challenge.
 *
 * @param field - Header field that carries its credential.
 */
export async function payWith(
  connect: (fetch: typeof globalThis.fetch) => PayingFetch,
  challenge: Response,
  field: string,
): Promise<string> {
  let credential: string | null = null
  const pay = connect(async (input, init) => {
    credential = new Request(input, init).headers.get(field)
    return credential === null ? challenge.clone() : Response.json({})
  })
  await pay(REPORT_URL)
  if (credential === null) throw new Error('the client did not pay')
  return credential
}

/** What a credential encodes, in either alphabet of base64, with or without a scheme in front. */
export function decode<Content>(credential: string): Content {
  return JSON.parse(jsonOf(credential))
}

/** The credential with the last character of a member changed: what was signed is something else then. */
export function forge(credential: string, member: 'validBefore' | 'id'): string {
  const pattern = new RegExp(`("${member}":"[^"]*)([^"])"`)
  const forged = jsonOf(credential).replace(
    pattern,
    (_, before, last) => `${before}${last === '7' ? '8' : '7'}"`,
  )
  const bytes = Buffer.from(forged)
  return credential.includes(' ') ? `Payment ${bytes.toString('base64url')}` : bytes.toString('base64')
}

function jsonOf(credential: string): string {
  return Buffer.from(credential.slice(credential.indexOf(' ') + 1), 'base64').toString()
}
