import type { Rpc, RpcOptions } from '../evm/rpc.ts'
import { type ChainId, chainNumberOf } from '../payments/chain.ts'
import { invalidOption } from '../problems/error.ts'

/**
 * An endpoint of a chain. Most clients never call one: what talks to it is loaded with the first call.
 *
 * @throws CofferError `invalid-option`.
 */
export function lazyRpc(chain: string, options: string | RpcOptions): Rpc {
  if (!isChainId(chain))
    return invalidOption('payFetch.rpc', "endpoints by CAIP-2 id, such as 'eip155:8453'", chain)
  const url = typeof options === 'string' ? options : options.url
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    invalidOption('rpc.url', 'an http or https URL')
  let opened: Promise<Rpc> | null = null
  return {
    async request(method, params) {
      opened ??= import('../evm/rpc.ts').then(({ createRpc }) => createRpc(options, chainNumberOf(chain)))
      return (await opened).request(method, params)
    },
  }
}

function isChainId(text: string): text is ChainId {
  return /^eip155:[1-9]\d{0,14}$/.test(text)
}
