import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js'
import type * as z from 'zod/mini'
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
