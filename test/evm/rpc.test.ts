import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createRpc, RpcError, type RpcFailure } from '../../src/evm/rpc.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

interface Call {
  readonly method: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A node that answers as told: `null` for nothing at all. */
async function serve(answer: (call: Call) => { status?: number; text: string } | null): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method } = JSON.parse(body)
    const answered = answer({ method, headers: request.headers })
    if (answered) response.writeHead(answered.status ?? 200).end(answered.text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/key-in-the-path`
}

const result = (value: unknown): { text: string } => ({
  text: JSON.stringify({ jsonrpc: '2.0', id: 1, result: value }),
})
const error = (code: number, message: string): { text: string } => ({
  text: JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code, message } }),
})

/** A node of chain 7 whose other answers are as told. */
const node = (answer: (call: Call) => { status?: number; text: string } | null): Promise<string> =>
  serve((call) => (call.method === 'eth_chainId' ? result('0x7') : answer(call)))

async function failure(url: string): Promise<RpcError> {
  const failed = await createRpc({ url, timeoutMs: 300 }, 7)
    .request('eth_test', [])
    .catch((caught: unknown) => caught)
  if (!(failed instanceof RpcError)) throw new Error('did not fail')
  expect(failed.message).not.toContain('key-in-the-path')
  return failed
}

test('answers with the result, sends the headers, asks for the chain once', async () => {
  const seen: string[] = []
  const url = await serve(({ method, headers }) => {
    seen.push(`${method} ${headers['x-api-key']}`)
    return result(method === 'eth_chainId' ? '0x7' : null)
  })
  const rpc = createRpc({ url, headers: { 'x-api-key': 'k' } }, 7)
  expect(await Promise.all([rpc.request('eth_a', []), rpc.request('eth_b', [])])).toEqual([null, null])
  await rpc.request('eth_c', [])
  expect(seen.toSorted()).toEqual(['eth_a k', 'eth_b k', 'eth_c k', 'eth_chainId k'])
})

test('an endpoint of another chain sees no call but the first, and is asked again each time', async () => {
  const seen: string[] = []
  let chain = '0x1'
  const url = await serve(({ method }) => {
    seen.push(method)
    return result(method === 'eth_chainId' ? chain : 'fine')
  })
  const rpc = createRpc(url, 7)
  await expect(rpc.request('eth_sendRawTransaction', ['0x'])).rejects.toMatchObject({
    failure: 'unsent',
    message: 'The RPC endpoint serves chain 1, not 7.',
  })
  expect(seen).toEqual(['eth_chainId'])
  chain = '0x7'
  expect(await rpc.request('eth_test', [])).toBe('fine')
})

test.each<[RpcFailure, { status?: number; text: string } | null]>([
  ['error', error(-32000, 'execution reverted')],
  ['error', { ...error(3, 'execution reverted'), status: 500 }],
  ['unsent', error(-32601, 'no such method')],
  ['unsent', error(-32005, 'limit exceeded')],
  ['unsent', { status: 429, text: 'slow down' }],
  ['unsent', { status: 403, text: '' }],
  ['unsent', { status: 308, text: '' }],
  ['lost', { status: 408, text: '' }],
  ['lost', { status: 502, text: '<html>' }],
  ['lost', { text: '' }],
  ['lost', { text: '<html>' }],
  ['lost', { text: '[]' }],
  ['lost', { text: '{"jsonrpc":"2.0","id":1}' }],
  ['lost', { text: `{"result":${'['.repeat(99)}${']'.repeat(99)}}` }],
  ['lost', { text: `"${'x'.repeat(5 * 2 ** 20)}"` }],
  ['lost', null],
])('%s: %#', async (expected, answer) => {
  expect((await failure(await node(() => answer))).failure).toBe(expected)
})

test('nobody there', async () => {
  const url = await serve(() => null)
  await open.pop()?.()
  expect(await failure(url)).toMatchObject({
    failure: 'unsent',
    message: 'The RPC endpoint could not be reached.',
  })
})

test('what the node wrote is kept apart from the message', async () => {
  const failed = await failure(await node(() => error(-32000, 'key 1234 is over its limit')))
  expect(failed.message).toBe('The RPC endpoint answered with error -32000.')
  expect(failed.nodeMessage).toBe('key 1234 is over its limit')
})
