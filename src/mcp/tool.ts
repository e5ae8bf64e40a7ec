import type { CallToolResult, Tool as ListedTool, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod/mini'
import { CallError } from './call-error.ts'
import type { Desk } from './options.ts'

/** A tool: what models are told of it, and what it does. */
export interface Tool<
  Input extends z.ZodMiniObject = z.ZodMiniObject,
  Output extends z.ZodMiniObject = z.ZodMiniObject,
> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Input
  readonly output: Output
  readonly annotations: ToolAnnotations
  /** What it may pay for: calls for the same thing wait for each other. Default: nothing. */
  pays?(input: z.infer<Input>): string
  /** Whatever it throws becomes a result that says so. */
  run(input: z.infer<Input>, call: Call): Promise<Result<z.infer<Output>>>
}

/** What a call of a tool works with. */
export interface Call extends Desk {
  /** Aborts when the caller gives up, and when the server ends. */
  readonly signal: AbortSignal
}

/** What a tool has to say. */
export interface Result<Data> {
  /** In the tool's own words: nothing that a server wrote stands in it. */
  readonly said: string
  /** What a server wrote, made a quotation by `quote`. */
  readonly quoted?: string
  /** The same for programs; `null` for a failure. */
  readonly data: Data | null
}

/** Lets a tool be written with its own types, and listed among others. */
export function tool<Input extends z.ZodMiniObject, Output extends z.ZodMiniObject>(
  definition: Tool<Input, Output>,
): Tool {
  return definition as unknown as Tool
}

/**
 * A tool as hosts list it. The SDK would make this of the schemas as well, with whatever `zod` it was installed with: with another
 * one than ours it loses what they say.
 */
export function formatTool({ name, title, description, input, output, annotations }: Tool): ListedTool {
  return {
    name,
    title,
    description,
    inputSchema: jsonSchemaOf(input, 'input'),
    outputSchema: jsonSchemaOf(output, 'output'),
    annotations,
  }
}

/** Without the name of the dialect: all of them agree on what stands in it. */
function jsonSchemaOf(schema: z.ZodMiniObject, io: 'input' | 'output'): ListedTool['inputSchema'] {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io })
  return { ...rest, type: 'object' } as ListedTool['inputSchema']
}

/** What a tool was called with. @throws CallError that says what each wrong member should be. */
export function readInput({ input }: Tool, given: unknown): never {
  const parsed = z.safeParse(input, given)
  if (parsed.success) return parsed.data as never
  const { properties = {} } = jsonSchemaOf(input, 'input')
  const wrong = parsed.error.issues.map(({ path: [name = 'input'], code }) => {
    const { description = 'an object' } = (properties[String(name)] ?? {}) as {
      readonly description?: string
    }
    return `- ${String(name)} (${code}): ${description}`
  })
  throw new CallError(`The input is not what the tool takes.\n${[...new Set(wrong)].join('\n')}`)
}

/** A failure of which the tool knows more than an error could say. */
export function failed(said: string, quoted?: string): Result<never> {
  return { said, data: null, ...(quoted !== undefined && { quoted }) }
}

/** A result as MCP has it. */
export function formatResult({ said, quoted, data }: Result<unknown>): CallToolResult {
  const text = quoted === undefined ? said : `${said}\n\n${quoted}`
  return {
    content: [{ type: 'text', text }],
    ...(data === null ? { isError: true } : { structuredContent: data as Record<string, unknown> }),
  }
}
