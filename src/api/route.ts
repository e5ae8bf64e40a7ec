import type * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'
import type { Reason } from '../problems/catalog.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import type { TokenGrant } from '../vaults/access-tokens.ts'
import { readJsonBody, readQuery } from './input.ts'

/** One route of the API: what the router runs, and what the documents say of it. */
export interface ApiRoute extends RouteFacts {
  /** Asks the guard, reads and checks what the request brings, and does what it asks for. */
  run(request: Request, params: Params): Promise<Response | Refusal>
}

/** What is known of a route without a request. */
export interface RouteFacts {
  readonly method: Method
  /** Under the base path; `:name` stands for one segment. Where two match a request, the earlier in the table is meant. */
  readonly path: `/${string}`
  /** Whether it answers at the root of the origin too, where clients look for it. Default false. */
  readonly isAtRoot?: boolean
  /** Who may use it; `null` for anybody. */
  readonly guard: Guard | null
  /** What it does, in a line. */
  readonly summary: string
  readonly query?: z.ZodMiniType
  /** Header fields that it reads besides those of its guard: what they are for. */
  readonly headers?: Readonly<Record<string, string>>
  /** JSON that the request carries; no body is an object without members. */
  readonly body?: z.ZodMiniType
  /** Most bytes of such a body. Default 64 KiB. */
  readonly maxBody?: number
  /** Bodies that the handler reads itself, as the `content` of OpenAPI has them. */
  readonly uploads?: JsonObject
  readonly answer: Answer
  /** What it may answer instead when all is well. */
  readonly otherAnswers?: readonly Answer[]
  /** What it refuses for, besides what its guard and its input can be refused for. */
  readonly problems?: readonly Reason[]
}

/** Methods that routes have. HEAD is GET without a body, OPTIONS is answered for all. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Segments of a path by the name that its pattern gives them, decoded. */
export type Params = Readonly<Record<string, string>>

/** What a route answers when all is well. */
export type Answer =
  /** JSON of this form: what the handler returns. */
  | { readonly status: 200 | 201; readonly schema: z.ZodMiniType }
  /** Nothing to say. */
  | { readonly status: 204 }
  /** Something else: the handler returns a `Response` of this media type or, for a 304, of none. */
  | { readonly status: 200 | 206; readonly mediaType: string }
  | { readonly status: 304 }

/** Decides who may use a route. */
export interface Guard {
  /** Security schemes that it accepts, one of which will do, by their names in the OpenAPI document. */
  readonly schemes: Readonly<Record<string, JsonObject>>
  /** What it refuses for. */
  readonly problems: readonly Reason[]
  /** Who the request is let in as, or why it is not. */
  admit(request: Request, params: Params): Promise<Admission | Refusal>
}

/** Who a request was let in as. */
export interface Admission {
  /** The access token that it was let in by; `null` when it was an API key, or the route is open to all. */
  readonly token: TokenGrant | null
}

/** What a handler has of its request. */
export interface Call<Path extends string, Query, Body> {
  readonly request: Request
  readonly params: ParamsOf<Path>
  readonly query: Defined<Query>
  readonly body: Defined<Body>
  readonly admission: Admission
}

/** What {@link route} takes: {@link RouteFacts}, and the handler. */
export interface RouteDefinition<Path extends `/${string}`, Query, Body> extends RouteFacts {
  readonly path: Path
  readonly query?: z.ZodMiniType<Query>
  readonly body?: z.ZodMiniType<Body>
  /** What it returns is what {@link RouteFacts.answer} says; `undefined` for nothing to say. */
  handle(call: Call<Path, Query, Body>): Promise<object | undefined | Refusal>
}

type ParamsOf<Path extends string> = Path extends `${string}/:${infer Name}/${infer Rest}`
  ? { readonly [Key in Name]: string } & ParamsOf<`/${Rest}`>
  : Path extends `${string}/:${infer Name}`
    ? { readonly [Key in Name]: string }
    : unknown

/** Neither queries nor JSON can say `undefined`: what is optional is there or is not. */
type Defined<Value> = { readonly [Key in keyof Value]: Exclude<Value[Key], undefined> }

/** Makes a route whose handler knows the types of its path, query and body. */
export function route<Path extends `/${string}`, Query, Body>(
  definition: RouteDefinition<Path, Query, Body>,
): ApiRoute {
  const { handle, ...facts } = definition
  return {
    ...facts,
    async run(request, params) {
      const admission = facts.guard ? await facts.guard.admit(request, params) : ANYBODY
      if (isRefusal(admission)) return admission
      const query = facts.query ? readQuery(request, facts.query) : {}
      if (isRefusal(query)) return query
      const body = facts.body ? await readJsonBody(request, facts.body, facts.maxBody) : {}
      if (isRefusal(body)) return body
      // The router matched this very path, and the schemas are of these very types.
      const call = { request, params, query, body, admission } as Call<Path, Query, Body>
      const answer = await handle(call)
      if (isRefusal(answer) || answer instanceof Response) return answer
      if (answer === undefined) return new Response(null, { status: 204 })
      return Response.json(answer, { status: facts.answer.status })
    },
  }
}

const ANYBODY: Admission = { token: null }
