/** What a handler answers in a test, wherever it runs. */
export interface Answer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | ReadableStream<Uint8Array> | null
  /** One of {@link answers} or {@link failures}, which then decide status and body. */
  readonly way: string | undefined
}

/** Every way of answering `hello`, or with an empty body, that there is on the Web. */
export const answers: Readonly<Record<string, (hello: string) => Response | Promise<Response>>> = {
  'a Response with text': () => new Response('hello'),
  'a Response with bytes': () => new Response(new TextEncoder().encode('hello')),
  'a Response with a stream': () => new Response(new Blob(['hello']).stream()),
  'a Response without body': () => new Response(null, { status: 204 }),
  'Response.json()': () => Response.json('hello'),
  'Response.redirect()': () => Response.redirect('https://elsewhere.test/'),
  'a Response of fetch(), which is immutable': (hello) => fetch(hello),
}

/** Every way of failing. */
export const failures: Readonly<Record<string, () => Response>> = {
  'a Response with status 500': () => new Response('no', { status: 500 }),
  'Response.json() with status 400': () => Response.json({}, { status: 400 }),
  throw: () => {
    throw new Error('the handler failed')
  },
}

/**
 * Does as it is told.
 *
 * @param hello - URL of something that answers `hello`.
 */
export function perform({ way, status, headers, body }: Answer, hello: string): Response | Promise<Response> {
  if (way === undefined) {
    const fields = headers.map(([name, value]): [string, string] => [name, value])
    return new Response(body, { status, headers: fields })
  }
  const failure = failures[way]
  if (failure) return failure()
  const answer = answers[way]
  if (answer === undefined) throw new Error(`no way to answer: ${way}`)
  return answer(hello)
}
