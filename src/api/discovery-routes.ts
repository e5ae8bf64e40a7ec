import * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'
import { llmsText } from './llms.ts'
import { type OpenApiParts, openApiDocument } from './openapi.ts'
import { type ApiRoute, route } from './route.ts'

/** What {@link discoveryRoutes} stand on: the whole table, which they are part of themselves. */
export interface DiscoveryParts extends Omit<OpenApiParts, 'routes'> {
  readonly routes: () => readonly ApiRoute[]
  /** Origin that clients know the service by; `null` for that of the request. */
  readonly origin: string | null
}

/** Routes by which clients find out what there is. Open to all, and at the root of the origin too. */
export function discoveryRoutes({ origin, routes, ...parts }: DiscoveryParts): readonly ApiRoute[] {
  let document: JsonObject | null = null
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      isAtRoot: true,
      guard: null,
      summary: 'This document',
      answer: { status: 200, schema: z.looseObject({ openapi: z.string() }) },
      async handle({ request }) {
        document ??= openApiDocument({ ...parts, routes: routes() })
        return { ...document, servers: [{ url: origin ?? new URL(request.url).origin }] }
      },
    }),
    route({
      method: 'GET',
      path: '/llms.txt',
      isAtRoot: true,
      guard: null,
      summary: 'What there is and how to pay, for agents',
      answer: { status: 200, mediaType: 'text/plain' },
      handle: async () =>
        new Response(llmsText(parts.discovery), { headers: { 'content-type': 'text/plain; charset=utf-8' } }),
    }),
  ]
}
