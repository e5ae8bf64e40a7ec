import { sleep } from '../lib/deadline.ts'
import { type Json, type JsonObject, parseJsonObject } from '../lib/json.ts'

/** What becomes of a call on its way to a fake and back. */
export type Fault =
  /** Nobody is reached. */
  | 'down'
  /** The call is carried out, and the connection breaks before its answer is there. */
  | 'lost'
  /** The call is carried out, and its answer never comes: the caller's own time-out ends it. */
  | 'silent'
  /** Status 500, and nothing is carried out. */
  | 'broken'
  /** A page of HTML, and nothing is carried out. */
  | 'html'
  /** The call is carried out, and its answer comes so many milliseconds late, in real time. */
  | { readonly delayMs: number }
  /** The call is carried out, and its answer says something else. */
  | { readonly answer: (honest: JsonObject) => Json }

/** Something that is called over HTTP, without a network. */
export interface FakeServer {
  /** Calls it, as `fetch` would. */
  readonly fetch: typeof globalThis.fetch
  /** What was called, in order, whatever became of it. */
  readonly calls: readonly string[]
  /**
   * What becomes of calls from now on: the same for all, or as a function of the call decides; `null` for nothing bad.
   */
  disturb(fault: Fault | null | ((call: string) => Fault | null)): void
}

/** What a {@link FakeServer} does. */
export interface FakeService {
  /** Name of a call. */
  nameOf(request: Request, body: JsonObject): string
  /** Carries a call out. */
  serve(call: string, body: JsonObject): Promise<JsonObject>
}

/** Serves JSON in process. */
export function createFakeServer({ nameOf, serve }: FakeService): FakeServer {
  const calls: string[] = []
  let faultOf: (call: string) => Fault | null = () => null

  return {
    calls,
    disturb(fault) {
      faultOf = typeof fault === 'function' ? fault : () => fault
    },
    async fetch(input, init) {
      const request = new Request(input, init)
      const body = parseJsonObject(await request.text()) ?? {}
      const call = nameOf(request, body)
      calls.push(call)
      const fault = faultOf(call)
      if (fault === 'down') throw new TypeError('fetch failed', { cause: refusedConnection() })
      if (fault === 'broken') return Response.json({}, { status: 500 })
      if (fault === 'html') {
        return new Response('<!doctype html><p>Bad gateway', { headers: { 'content-type': 'text/html' } })
      }
      const honest = await serve(call, body)
      if (fault === 'lost') throw new TypeError('fetch failed')
      if (fault === 'silent') return aborted(init?.signal ?? (input instanceof Request ? input.signal : null))
      if (fault !== null && 'delayMs' in fault) await sleep(fault.delayMs)
      return Response.json(fault !== null && 'answer' in fault ? fault.answer(honest) : honest)
    },
  }
}

/** As runtimes say it: by this code callers know that nothing was sent. */
function refusedConnection(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}

/** Waits for the caller's own signal: one that only follows it would be forgotten with the request. */
function aborted(signal: AbortSignal | null): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
