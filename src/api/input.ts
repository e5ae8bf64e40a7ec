import * as z from 'zod/mini'
import { bytesStream } from '../blobs/blob-stream.ts'
import { readBytes } from '../lib/body.ts'
import { fromUtf8 } from '../lib/bytes.ts'
import { parseJsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { refusedError } from '../problems/refused.ts'

/** Bodies of the API are small: what is large is streamed by routes of its own. */
const MAX_BODY = 64 * 1024

/** Reads a query. Members that the schema does not have are refused, and so are those that stand twice. */
export function readQuery<Query>(request: Request, schema: z.ZodMiniType<Query>): Query | Refusal {
  const { searchParams } = new URL(request.url)
  const names = [...searchParams.keys()]
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined)
    return refuse('bad-request', 'The query names a member twice.', { expected: 'one' })
  return check(Object.fromEntries(searchParams), schema, 'query')
}

/** Reads a body of JSON, whatever its media type says. No body is an object without members. */
export async function readJsonBody<Body>(
  request: Request,
  schema: z.ZodMiniType<Body>,
  maxBytes = MAX_BODY,
): Promise<Body | Refusal> {
  const bytes = await readBytes(bodyOf(request), maxBytes)
  if (bytes === null) {
    return refuse('body-too-large', `The body is larger than ${maxBytes} bytes.`, {
      expected: `at most ${maxBytes} bytes`,
    })
  }
  const text = bytes.length === 0 ? '{}' : fromUtf8(bytes)
  const value = text === null ? null : parseJsonObject(text)
  if (value === null)
    return refuse('bad-request', 'The body is not a JSON object.', { expected: 'a JSON object' })
  return check(value, schema, 'body')
}

/** The body of a request. When it breaks off, that is the doing of its sender, and a refusal. */
export function bodyOf({ body }: Request): ReadableStream<Uint8Array> {
  if (body === null) return bytesStream(new Uint8Array())
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          // A mistake in how the server was put together, which has its own error.
          if (cause instanceof CofferError) throw cause
          throw refusedError(BROKEN_OFF, { cause })
        })
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

function check<Value>(value: unknown, schema: z.ZodMiniType<Value>, part: string): Value | Refusal {
  const read = z.safeParse(schema, value)
  return read.success ? read.data : wrong(part, read.error.issues)
}

/** Says where the first mistake is and what would have been right; never what came, which may be a secret. */
function wrong(part: string, [issue]: readonly z.core.$ZodIssue[]): Refusal {
  const at = [part, ...(issue?.path ?? [])].join('.')
  if (issue?.code === 'unrecognized_keys') {
    return refuse('bad-request', `The ${part} has a member that this route does not know.`, {
      expected: `no ${JSON.stringify(issue.keys[0]?.slice(0, 64))}`,
    })
  }
  return refuse('bad-request', `${at} is not what this route takes.`, {
    ...(issue !== undefined && { expected: expectedBy(issue) }),
  })
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'nonoptional' ? 'a value' : issue.expected
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`
    case 'too_big':
      return `at most ${issue.maximum}`
    case 'too_small':
      return `at least ${issue.minimum}`
    default:
      // What the schema says, or zod in general.
      return issue.message
  }
}

const BROKEN_OFF = refuse('bad-request', 'The body broke off before its end.')
