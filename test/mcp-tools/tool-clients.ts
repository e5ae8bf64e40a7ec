import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { type CallToolResult, CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { x402Client } from '@x402/core/client'
import { parsePaymentRequired } from '@x402/core/schemas'
import type { PaymentRequired } from '@x402/core/types'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { McpClient } from 'mppx/mcp/client'
import { createWalletClient, http, publicActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { baseSepolia } from 'viem/chains'
import { createPaymentHeader } from 'x402/client'
import type { Hex } from '../../src/lib/hex.ts'
import type { Chains } from '../clients/kinds.ts'
import { evmMethod, tempoMethod } from '../clients/official.ts'
import { createEvmPayer, createTempoPayer, type Payer } from '../clients/payers.ts'

/** What is said with a call. */
export type Meta = Record<string, unknown>

/** A client that pays for tools, as agents have it. */
export interface ToolClientKind {
  readonly name: string
  readonly chain: keyof Chains
  /** Key of its payment in the `_meta` of a call. */
  readonly credential: 'x402/payment' | 'org.paymentauth/credential'
  /** Key of its receipt in the `_meta` of a result. */
  readonly receipt: 'x402/payment-response' | 'org.paymentauth/receipt'
  createPayer(chains: Chains): Promise<Payer>
  /** Calls a tool, and pays when it has to. */
  call(client: Client, payer: Payer, chains: Chains, params: CallParams): Promise<CallToolResult>
}

/** A call. */
export interface CallParams {
  readonly name: string
  readonly arguments?: Record<string, unknown>
  readonly _meta?: Meta
}

export const toolClientKinds: readonly ToolClientKind[] = [
  {
    name: 'x402 v2 (transports-v2/mcp.md)',
    chain: 'evm',
    credential: 'x402/payment',
    receipt: 'x402/payment-response',
    createPayer: ({ evm }) => createEvmPayer(evm),
    call: (client, payer, _, params) => callX402(client, payer, params),
  },
  {
    name: "x402 v2 in Cloudflare's words",
    chain: 'evm',
    credential: 'x402/payment',
    receipt: 'x402/payment-response',
    createPayer: ({ evm }) => createEvmPayer(evm),
    call: (client, payer, _, params) => callCloudflare(client, payer, params),
  },
  {
    name: "x402 v1 in Cloudflare's words (x402 1.x)",
    chain: 'evm',
    credential: 'x402/payment',
    receipt: 'x402/payment-response',
    createPayer: ({ evm }) => createEvmPayer(evm),
    async call(client, payer, chains, params) {
      const unpaid = await callTool(client, params)
      const { accepts } = requiredOfMeta(unpaid) as { accepts: { network: string }[] }
      const offer = accepts.find(({ network }) => network === 'base-sepolia')
      const token = await createV1Payment(payer, chains, offer)
      return callTool(client, withMeta(params, { 'x402/payment': token }))
    },
  },
  {
    name: 'MPP tempo pull (mppx)',
    chain: 'tempo',
    credential: 'org.paymentauth/credential',
    receipt: 'org.paymentauth/receipt',
    createPayer: ({ tempo }) => createTempoPayer(tempo),
    call: (client, { privateKey }, { tempo }, params) =>
      callMpp(client, params, tempoMethod(privateKey, tempo, 'pull')),
  },
  {
    name: 'MPP tempo push (mppx)',
    chain: 'tempo',
    credential: 'org.paymentauth/credential',
    receipt: 'org.paymentauth/receipt',
    createPayer: ({ tempo }) => createTempoPayer(tempo),
    call: (client, { privateKey }, { tempo }, params) =>
      callMpp(client, params, tempoMethod(privateKey, tempo, 'push')),
  },
  {
    name: 'MPP evm (mppx)',
    chain: 'evm',
    credential: 'org.paymentauth/credential',
    receipt: 'org.paymentauth/receipt',
    createPayer: ({ evm }) => createEvmPayer(evm),
    call: (client, { privateKey }, { evm }, params) => callMpp(client, params, evmMethod(privateKey, evm)),
  },
]

/** A call, and what it brought. */
export async function callTool(client: Client, params: CallParams): Promise<CallToolResult> {
  return (await client.callTool({ ...params }, CallToolResultSchema)) as CallToolResult
}

/** The call with which a client pays, so that it can be sent by others, and again; the client gets no answer to it. */
export async function preparePaidCall(
  kind: ToolClientKind,
  client: Client,
  payer: Payer,
  chains: Chains,
  params: CallParams,
): Promise<CallParams> {
  let paid: CallParams | null = null
  const callTool = async (sent: CallParams): Promise<CallToolResult> => {
    if (sent._meta?.[kind.credential] === undefined)
      return (await client.callTool({ ...sent })) as CallToolResult
    paid = structuredClone(sent)
    return { content: [] }
  }
  await kind.call({ callTool } as unknown as Client, payer, chains, params)
  if (paid === null) throw new Error('the client did not pay')
  return paid
}

/** A payment of version 1, base64 as its client writes it. */
export function createV1Payment({ privateKey }: Payer, { evm }: Chains, offer: unknown): Promise<string> {
  const wallet = createWalletClient({
    account: privateKeyToAccount(privateKey),
    chain: baseSepolia,
    transport: http(evm.url),
  }).extend(publicActions)
  return createPaymentHeader(wallet as unknown as Signer, 1, offer as Requirements)
}

type Signer = Parameters<typeof createPaymentHeader>[0]
type Requirements = Parameters<typeof createPaymentHeader>[2]

export function withMeta(params: CallParams, meta: Meta): CallParams {
  return { ...params, _meta: { ...params._meta, ...meta } }
}

/** As the specification says. */
async function callX402(client: Client, { privateKey }: Payer, params: CallParams): Promise<CallToolResult> {
  const answer = await callTool(client, params)
  const read = parsePaymentRequired(answer.isError ? requiredOfResult(answer) : null)
  if (!read.success) return answer
  const payment = await x402Payer(privateKey).createPaymentPayload(read.data as PaymentRequired)
  return callTool(client, withMeta(params, { 'x402/payment': payment }))
}

/** As the agents SDK of Cloudflare does: offers in `_meta`, and the payment as the text of the field. */
async function callCloudflare(
  client: Client,
  { privateKey }: Payer,
  params: CallParams,
): Promise<CallToolResult> {
  const answer = await callTool(client, params)
  const required = requiredOfMeta(answer) as PaymentRequired | null
  if (!answer.isError || required === null) return answer
  const payment = await x402Payer(privateKey).createPaymentPayload(required)
  return callTool(client, withMeta(params, { 'x402/payment': btoa(JSON.stringify(payment)) }))
}

const x402Payer = (key: Hex) =>
  new x402Client().register('eip155:84532', new ExactEvmScheme(privateKeyToAccount(key)))

/** Where the specification has it, in its order of preference. */
function requiredOfResult({ structuredContent, content: [first] }: CallToolResult): unknown {
  if (structuredContent && 'accepts' in structuredContent) return structuredContent
  return first?.type === 'text' ? JSON.parse(first.text) : null
}

const requiredOfMeta = ({ _meta = {} }: CallToolResult): unknown => _meta['x402/error'] ?? null

/** The official client pays in place of the one it is given. */
async function callMpp(
  client: Client,
  params: CallParams,
  method: ReturnType<typeof tempoMethod> | ReturnType<typeof evmMethod>,
): Promise<CallToolResult> {
  const paying = McpClient.wrap({ callTool: client.callTool.bind(client) } as Client, { methods: [method] })
  return (await paying.callTool({ ...params })) as CallToolResult
}
