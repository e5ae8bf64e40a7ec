import type { JsonObject } from '../lib/json.ts'

/** A path as OpenAPI writes it: `/payments/{id}` for `/payments/:id`. */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

/** The parameters of such a path. */
export function pathParameters(template: string): readonly JsonObject[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}
