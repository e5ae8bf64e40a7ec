import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { x402Facilitator } from '@x402/core/facilitator'
import { toFacilitatorEvmSigner } from '@x402/evm'
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator'
import { createWalletClient, type Hex, http, nonceManager, publicActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { baseSepolia } from 'viem/chains'
import type { Account, EvmChain } from './evm.ts'

/** A facilitator made of the x402 SDK's own parts, settling on a local chain. */
export interface LocalFacilitator {
  readonly url: string
  /** Paths that were called, in order. */
  readonly calls: readonly string[]
  stop(): Promise<void>
}

/** The x402 SDK's facilitator, in process. It pays for gas from the key's account. */
export function createFacilitator(
  { url, chainId }: Pick<EvmChain, 'url' | 'chainId'>,
  key: Hex,
): x402Facilitator {
  const client = createWalletClient({
    account: privateKeyToAccount(key, { nonceManager }),
    chain: baseSepolia,
    transport: http(url),
    pollingInterval: 50,
  }).extend(publicActions)
  const facilitator = new x402Facilitator()
  // The SDK describes a client of its own shape, which viem's client has once its address is on top.
  const signer = { ...client, address: client.account.address } as unknown as Parameters<
    typeof toFacilitatorEvmSigner
  >[0]
  registerExactEvmScheme(facilitator, {
    signer: toFacilitatorEvmSigner(signer),
    networks: `eip155:${chainId}`,
  })
  return facilitator
}

/** Starts a facilitator on a free port. It pays for gas from the account. */
export async function startFacilitator(
  chain: Pick<EvmChain, 'url' | 'chainId'>,
  account: Pick<Account, 'privateKey'>,
): Promise<LocalFacilitator> {
  const facilitator = createFacilitator(chain, account.privateKey)
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/'
    calls.push(path)
    let text = ''
    for await (const chunk of request) text += chunk
    const respond = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    try {
      if (path === '/supported') return respond(200, facilitator.getSupported())
      const { paymentPayload, paymentRequirements } = JSON.parse(text)
      if (path === '/verify')
        return respond(200, await facilitator.verify(paymentPayload, paymentRequirements))
      if (path === '/settle')
        return respond(200, await facilitator.settle(paymentPayload, paymentRequirements))
      respond(404, {})
    } catch (error) {
      respond(400, { error: String(error) })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
