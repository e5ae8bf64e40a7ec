import type { Address, BudgetOptions, PayFetchOptions, PolicyOptions } from '../../client.ts'
import { type PayFetch, payFetch } from '../../client.ts'
import { agentFile, type Store } from '../../client-node.ts'
import { type CommandCall, type CommandOption, UsageError } from '../command.ts'
import { readNetwork } from '../show/network-name.ts'
import { fileOf, fileOptions, makeHome } from './agent-files.ts'
import { type AgentWallet, openWallet, walletOptions } from './agent-wallet.ts'

/** How much may be paid. */
const budgetOptions = {
  max: { type: 'string', help: 'US dollars that one payment may cost, default COFFER_MAX or 0.10' },
  'max-day': { type: 'string', help: 'US dollars of a day (UTC), default COFFER_MAX_DAY or 5.00' },
  'max-host': { type: 'string', help: 'US dollars for one host, ever, default COFFER_MAX_HOST or no limit' },
  'max-total': { type: 'string', help: 'US dollars, ever, default COFFER_MAX_TOTAL or no limit' },
} as const satisfies Record<string, CommandOption>

/** Whom and how to pay. */
export const policyOptions = {
  network: {
    type: 'string',
    multiple: true,
    help: 'chain to pay on, such as base or eip155:8453; may be repeated, the preferred one first',
  },
  protocol: { type: 'string', multiple: true, help: 'x402 or mpp; may be repeated, the preferred one first' },
  origin: {
    type: 'string',
    multiple: true,
    help: 'origin that may be paid, such as https://api.example.com; default every one over https',
  },
  recipient: { type: 'string', multiple: true, help: 'address that may be paid; default every one' },
  rpc: {
    type: 'string',
    multiple: true,
    help: 'JSON-RPC endpoint of a chain, base=https://…; default COFFER_RPC_<chain number>',
  },
} as const satisfies Record<string, CommandOption>

/** What every command takes that may pay: who pays, how much, whom, and where it is written down. */
export const agentOptions = {
  ...budgetOptions,
  ...policyOptions,
  patience: {
    type: 'string',
    help: 'seconds that a payment is sent again whose outcome is not known, default 60',
  },
  'session-header': { type: 'string', help: 'field that names a session, default X-PRUDRA-SESSION-ID' },
  ...walletOptions,
  agent: fileOptions.agent,
} as const satisfies Record<string, CommandOption>

type Call = Pick<CommandCall, 'values' | 'terminal'>

/** An agent as the command line describes it. */
export interface Agent {
  readonly pay: PayFetch
  readonly address: Address
  /** See {@link AgentWallet.unlock}; it happens by itself before a payment is made. */
  readonly unlock: AgentWallet['unlock']
  close(): Promise<void>
}

/**
 * Opens the agent that the options describe.
 *
 * @param more - What a command adds for itself.
 * @throws UsageError; CofferError `invalid-key-file`, `store-failed`.
 */
export async function openAgent(
  call: Call,
  more: Pick<PayFetchOptions, 'onEvent' | 'sessions' | 'fetch'> = {},
): Promise<Agent> {
  const options = payOptions(call)
  const wallet = await openWallet(call)
  const store = openJournal(call)
  const header = call.values['session-header']
  const pay = payFetch({
    ...options,
    ...(typeof header === 'string' && { sessions: { header } }),
    ...more,
    wallet: wallet.signer,
    store,
    policy: {
      ...options.policy,
      // Before anything is held back or signed, since a person may take long over a passphrase.
      async approve({ amount, symbol, recipient }) {
        await wallet.unlock(`, to pay ${amount} ${symbol} to ${recipient}`)
        return true
      },
    },
  })
  const address = wallet.signer.address.toLowerCase() as Address
  return { pay, address, unlock: wallet.unlock, close: () => store.close() }
}

/** The store of the agent's attempts, sums and sessions. */
export function openJournal(call: Call): Store {
  const path = fileOf('agent', call)
  makeHome(path, call.terminal)
  return agentFile(path)
}

/** Budget, policy and endpoints, for {@link payFetch}. @throws UsageError naming the option. */
export function payOptions(
  call: Call,
): Required<Pick<PayFetchOptions, 'budget' | 'rpc' | 'patienceMs'>> & { readonly policy: PolicyOptions } {
  const { values } = call
  const [networks, protocols, origins, recipients] = (
    ['network', 'protocol', 'origin', 'recipient'] as const
  ).map((name) => listOf(values[name]))
  const patience = String(values['patience'] ?? '60')
  if (!/^\d{1,4}$/.test(patience) || Number(patience) > 3600)
    throw new UsageError('--patience: expected seconds from 0 to 3600')
  return {
    budget: readBudget(call),
    rpc: readEndpoints(call),
    patienceMs: 1000 * Number(patience),
    policy: {
      ...(networks?.length && { networks: networks.map((text) => readNetwork(text, 'network')) }),
      ...(protocols?.length && { protocols: protocols.map(readProtocol) }),
      ...(origins?.length && { origins: origins.map(readOrigin) }),
      ...(recipients?.length && { recipients: recipients.map(readAddress) }),
    },
  }
}

function readBudget({ values, terminal }: Call): BudgetOptions {
  const read = (name: keyof typeof budgetOptions, fallback?: string): string | undefined => {
    const text = values[name] ?? (terminal.env[`COFFER_${name.toUpperCase().replace('-', '_')}`] || fallback)
    if (text === undefined) return undefined
    if (typeof text === 'string' && /^(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?$/.test(text)) return text
    throw new UsageError(`--${name}: expected US dollars such as 0.10`)
  }
  const [host, total] = [read('max-host'), read('max-total')]
  return {
    payment: read('max', '0.10') ?? '0',
    day: read('max-day', '5.00') ?? '0',
    ...(host !== undefined && { host }),
    ...(total !== undefined && { total }),
  }
}

/** Endpoints by chain. Their URLs may hold keys: none of them stands in an error. */
export function readEndpoints({ values, terminal }: Call): Record<`eip155:${number}`, string> {
  const endpoints: Record<`eip155:${number}`, string> = {}
  for (const [name, url] of Object.entries(terminal.env)) {
    const [, chain] = /^COFFER_RPC_([1-9]\d{0,14})$/.exec(name) ?? []
    if (chain !== undefined && url) endpoints[`eip155:${Number(chain)}`] = url
  }
  for (const text of listOf(values['rpc'])) {
    const at = text.indexOf('=')
    if (at < 0) throw new UsageError('--rpc: expected a chain and its endpoint, such as base=https://…')
    endpoints[readNetwork(text.slice(0, at), 'rpc')] = text.slice(at + 1)
  }
  if (Object.values(endpoints).every((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
    return endpoints
  throw new UsageError('--rpc: expected an http or https URL')
}

/** The texts of an option that may be repeated. */
export function listOf(value: CommandCall['values'][string]): readonly string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string')
}

function readProtocol(text: string): 'x402' | 'mpp' {
  if (text === 'x402' || text === 'mpp') return text
  throw new UsageError('--protocol: expected x402 or mpp')
}

function readOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new UsageError('--origin: expected an origin such as https://api.example.com')
}

function readAddress(text: string): Address {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text.toLowerCase() as Address
  throw new UsageError('--recipient: expected an address, 0x and 40 digits')
}
