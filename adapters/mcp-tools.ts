import { type Coffer, CofferError, type Grant, type RouteOptions, type SessionOptions } from '../src/index.ts'
import { type RefusedCall, readAnswer, type ToolResult, toAnswer, type UnpaidError } from './tool-answer.ts'
import { createToolCall, type ToolContext } from './tool-call.ts'

export type { RefusedCall, ToolResult, UnpaidError } from './tool-answer.ts'
export type { Meta, ToolContext } from './tool-call.ts'

/** How a tool is charged for: as a route is, but for what belongs to HTTP. */
export interface ToolOptions<
  Args = unknown,
  WithVault extends boolean = boolean,
  WithSession extends boolean | SessionOptions = boolean | SessionOptions,
> extends Omit<RouteOptions<WithVault, WithSession>, 'price' | 'bindBody'> {
  /** Name of the tool, as it is registered. Payments of it are found under the route `POST /tool/<name>`. */
  readonly name: string
  /**
   * US dollars as a decimal string such as `'0.01'`, or a function of the arguments. A function is asked twice, once for the
   * offer and once for the paid call, and must answer the same both times.
   */
  readonly price: string | ((args: Args) => string | Promise<string>)
  /**
   * Whether a credential is good for the arguments that it was asked for only. Default true. A schema that makes other arguments
   * of the same call each time, such as by a default of the hour, needs false.
   */
  readonly bindArguments?: boolean
  /**
   * The output schema that the tool is registered with, when it has one (any Standard Schema, such as `z.object({ … })`). A
   * result that it does not allow never reaches the client: here that is known before the payment counts as delivered.
   */
  readonly outputSchema?: OutputSchema
  /**
   * Makes the error that an unpaid call throws, such as `({ message, data }) => new McpError(-32042, message, data)`. Default: none, and the
   * answer is a result, which clients of both protocols pay.
   */
  readonly toError?: (error: UnpaidError) => Error
  /** Address at the other end of the connection. Default: none, and challenges are rate-limited behind proxies only. */
  readonly address?: (context: ToolContext) => string | undefined
}

/** A Standard Schema, as far as it checks results. */
export interface OutputSchema {
  readonly '~standard': {
    validate(value: unknown): CheckedOutput | Promise<CheckedOutput>
  }
}

/** What a schema says of a result. */
export interface CheckedOutput {
  readonly issues?: readonly { readonly message: string }[] | undefined
}

/** What runs when a call is paid for: it receives the arguments, the grant, and what the server knows of the call. */
export type ToolHandler<
  Args,
  Granted extends Grant,
  Context extends ToolContext,
  Result extends ToolResult,
> = (args: Args, grant: Granted, context: Context) => Result | Promise<Result>

/**
 * Puts a price on the handler of a tool of MCP, for servers of `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/server` 2.x.
 * Clients of x402 (transports-v2/mcp.md) and of MPP (draft-payment-transport-mcp-00) pay it.
 *
 * ```ts
 * const report = paidTool(coffer, { name: 'report', price: '0.05' }, async ({ city }: { city: string }, { payment }) => ({
 *   content: [{ type: 'text', text: `${city}, for ${payment.payer}` }],
 * }))
 * server.registerTool('report', { inputSchema: { city: z.string() } }, report)
 * ```
 *
 * @param handler - Runs when the call is paid for. When it throws, or answers with `isError`, the payment stays owed: the same
 * credential with the same arguments runs it again.
 * @returns What `registerTool` takes.
 * @throws CofferError `invalid-option` for bad options, at once.
 */
export function paidTool<
  Args,
  Context extends ToolContext,
  Result extends ToolResult,
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: ToolOptions<Args, WithVault, WithSession>,
  handler: ToolHandler<Args, Grant<WithVault, WithSession>, Context, Result>,
): (args: Args, context?: Context) => Promise<Result | RefusedCall> {
  const { name, price, bindArguments = true, outputSchema, toError = null, address, ...others } = options
  checkName(name)
  if ('bindBody' in others) invalid('bindBody', 'nothing: bindArguments is what tools have')
  const { sessionHeader } = coffer
  const argsOf = new WeakMap<Request, Args>()
  const route: RouteOptions<WithVault, WithSession> = {
    ...others,
    price: typeof price === 'function' ? (request) => price(argsOf.get(request) as Args) : price,
    // Servers of MCP bound what they read, and it is in memory already.
    bindBody: bindArguments && { maxBytes: 2 ** 31 },
  }
  coffer.check(route)
  const reading = {
    resource: `mcp://tool/${encodeURIComponent(name)}`,
    sessionHeader,
    isStructured: outputSchema !== undefined,
    toError,
  }

  async function answer(args: Args, context: Context): Promise<Result | RefusedCall> {
    const call = createToolCall({ name, args, context, sessionHeader })
    argsOf.set(call.request, args)
    const from = address?.(context)
    const outcome = await coffer.handle(call.request, route, from === undefined ? {} : { address: from })
    if (!('grant' in outcome)) return readAnswer(outcome, reading)
    let answered: Response
    try {
      const result = await handler(args, outcome.grant, context)
      if (outputSchema !== undefined) await checkOutput(result, outputSchema)
      answered = toAnswer(result, call)
    } catch (error) {
      await outcome.abandon()
      throw error
    }
    const finished = await outcome.finish(answered)
    // Nobody waits for what was cancelled.
    call.request.signal.throwIfAborted()
    return readAnswer(finished, reading)
  }

  // Servers pass the context alone to tools without arguments.
  return (args, context) =>
    context === undefined ? answer({} as Args, args as unknown as Context) : answer(args, context)
}

function checkName(name: string): void {
  // The path of a URL cannot end in the last two.
  const isName = typeof name === 'string' && name.isWellFormed() && /^.{1,128}$/s.test(name)
  if (!isName || name === '.' || name === '..')
    invalid('name', 'the name of the tool, of 1 to 128 characters')
}

function invalid(option: string, expected: string): never {
  throw new CofferError('invalid-option', `${option}: expected ${expected}`)
}

async function checkOutput({ isError, structuredContent }: ToolResult, schema: OutputSchema): Promise<void> {
  if (isError === true) return
  const { issues } = await schema['~standard'].validate(structuredContent)
  if (issues === undefined) return
  const why = issues.map(({ message }) => message).join('; ')
  throw new CofferError('invalid-state', `the result of the tool is not what its output schema says: ${why}`)
}
