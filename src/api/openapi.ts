import * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'
import { catalog, type Reason } from '../problems/catalog.ts'
import type { Discovery } from './discovery.ts'
import { pathParameters, templateOf } from './path-template.ts'
import { pricedOperation } from './priced-operation.ts'
import { problem, problemContent } from './problem-schema.ts'
import type { Answer, ApiRoute, RouteFacts } from './route.ts'

/** What {@link openApiDocument} is made of. */
export interface OpenApiParts {
  readonly discovery: Discovery
  readonly routes: readonly ApiRoute[]
  readonly basePath: string
}

/** The OpenAPI document (3.1.0) of the API and of the routes that are paid for, but for its `servers`. */
export function openApiDocument({ discovery, routes, basePath }: OpenApiParts): JsonObject {
  const { title, version } = discovery
  const paths: Record<string, JsonObject> = {}
  const add = (path: string, method: string, operation: JsonObject): void => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation }
  }
  for (const route of discovery.routes) add(route.path, route.method, pricedOperation(route))
  for (const route of routes) add(basePath + templateOf(route.path), route.method, operationOf(route))
  const securitySchemes: JsonObject = Object.assign({}, ...routes.map(({ guard }) => guard?.schemes ?? {}))
  return {
    openapi: '3.1.0',
    info: { title, version },
    'x-service-info': { docs: { llms: '/llms.txt' } },
    paths,
    components: {
      schemas: { Problem: jsonSchema(problem, 'output') },
      securitySchemes,
    },
  }
}

function operationOf(route: RouteFacts): JsonObject {
  const { method, path, guard, summary, query, headers = {} } = route
  const parameters = [
    ...pathParameters(templateOf(path)),
    ...(query ? queryParameters(query) : []),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: TEXT,
    })),
  ]
  return {
    operationId: [method.toLowerCase(), ...path.split(/\W+/).filter(Boolean).map(capitalized)].join(''),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...requestBodyOf(route),
    responses: { ...answersOf(route), ...problemsOf(route) },
    // One of them will do.
    security: Object.keys(guard?.schemes ?? {}).map((name) => ({ [name]: [] })),
  }
}

function queryParameters(query: z.ZodMiniType): readonly JsonObject[] {
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    properties?: Record<string, JsonObject>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }))
}

function requestBodyOf({ body, uploads }: RouteFacts): JsonObject {
  if (uploads) return { requestBody: { required: true, content: uploads } }
  if (!body) return {}
  const required = !z.safeParse(body, {}).success
  return { requestBody: { required, content: jsonContent(body, 'input') } }
}

function answersOf({ summary, answer, otherAnswers = [] }: RouteFacts): JsonObject {
  const byStatus = Map.groupBy([answer, ...otherAnswers], ({ status }) => status)
  return Object.fromEntries(
    [...byStatus].map(([status, answers]) => {
      const content: JsonObject = Object.assign({}, ...answers.map(contentOf))
      const isEmpty = Object.keys(content).length === 0
      return [status, { description: DESCRIPTIONS[status] ?? summary, ...(isEmpty ? {} : { content }) }]
    }),
  )
}

function contentOf(answer: Answer): JsonObject {
  if ('schema' in answer) return jsonContent(answer.schema, 'output')
  return 'mediaType' in answer ? { [answer.mediaType]: { schema: {} } } : {}
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  204: 'Done',
  206: 'The part that was asked for',
  304: 'What the client has is still right',
}

function problemsOf({ guard, query, body, uploads, problems = [] }: RouteFacts): JsonObject {
  const reasons: readonly Reason[] = [
    ...(query || body || uploads ? (['bad-request'] as const) : []),
    ...(guard?.problems ?? []),
    ...(body ? (['body-too-large'] as const) : []),
    ...problems,
    'internal-error',
  ]
  const byStatus = Map.groupBy(reasons, (reason) => catalog[reason].status)
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => {
      const description = group.map((reason) => catalog[reason].title).join('; ')
      return [status, { description, content: problemContent }]
    }),
  )
}

function jsonContent(schema: z.ZodMiniType, io: 'input' | 'output'): JsonObject {
  return { 'application/json': { schema: jsonSchema(schema, io) } }
}

/** A schema as JSON Schema 2020-12, which is what OpenAPI 3.1 embeds. */
function jsonSchema(schema: z.ZodMiniType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest as JsonObject
}

const TEXT = { type: 'string' }

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
