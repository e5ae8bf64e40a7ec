/** A header field: its name, its value. */
export type HeaderField = readonly [name: string, value: string]

/** Fields that can be asked for, in any case; fields of one name come joined (RFC 9110 section 5.3). */
export type Fields = Pick<Headers, 'get'>

/** An answer that is all there, before anybody made a `Response` of it. */
export interface Answer {
  readonly status: number
  /** In order; a name may come more than once. */
  readonly fields: readonly HeaderField[]
  readonly body: string | Uint8Array<ArrayBuffer> | null
}

/** The answer as a `Response`. */
export function toResponse({ status, fields, body }: Answer): Response {
  const response = new Response(body, { status })
  const { headers } = response
  for (const [name, value] of fields) {
    // A text has brought a type of its own.
    if (name === 'content-type') headers.set(name, value)
    else headers.append(name, value)
  }
  return response
}
