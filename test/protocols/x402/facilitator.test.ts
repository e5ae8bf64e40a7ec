import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { baseSepolia } from '../../../src/evm/network.ts'
import { authorizationEvidence, reconcileAuthorization } from '../../../src/evm/reconcile.ts'
import type { SignedTransfer } from '../../../src/evm/settler.ts'
import type { Settlement } from '../../../src/payments/settlement.ts'
import { type FacilitatorOptions, facilitator } from '../../../src/protocols/x402/facilitator.ts'
import { type Account, type EvmChain, startEvmChain } from '../../chains/evm.ts'
import { type LocalFacilitator, startFacilitator } from '../../chains/facilitator.ts'
import { at, authorize, SELLER, signTransfer, submit } from '../../evm/signing.ts'

const DOLLAR = 1_000_000n
const HASH = `0x${'ab'.repeat(32)}`

let chain: EvmChain
let payer: Account
let submitter: Account
let transfer: SignedTransfer

beforeAll(async () => {
  chain = await startEvmChain()
  payer = at(chain.accounts, 1)
  submitter = at(chain.accounts, 2)
  await chain.mint(payer.address, 100n * DOLLAR)
  transfer = await signTransfer(networkWith(facilitator({ url: 'https://facilitator.example' })), payer)
})
afterAll(() => chain.stop())

const networkWith = (settle: ReturnType<typeof facilitator>) => baseSepolia({ rpc: chain.url, settle })

describe("the SDK's own facilitator", () => {
  let local: LocalFacilitator
  beforeAll(async () => {
    local = await startFacilitator(chain, at(chain.accounts, 0))
  })
  afterAll(() => local.stop())

  test('moves the money', async () => {
    const settler = facilitator({ url: local.url })
    const before = await chain.balanceOf(SELLER)
    const settlement = await settler.settle(await signTransfer(networkWith(settler), payer))
    expect(settlement).toMatchObject({
      outcome: 'settled',
      transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    })
    expect(await chain.balanceOf(SELLER)).toBe(before + DOLLAR)
    expect(local.calls).toEqual(['/settle'])
  })

  test('moves ten at once', async () => {
    const settler = facilitator({ url: local.url })
    const transfers = await Promise.all(
      Array.from({ length: 10 }, () => signTransfer(networkWith(settler), payer)),
    )
    const before = await chain.balanceOf(SELLER)
    const settlements = await Promise.all(transfers.map((one) => settler.settle(one)))
    expect(settlements.every(({ outcome }) => outcome === 'settled')).toBe(true)
    expect(await chain.balanceOf(SELLER)).toBe(before + 10n * DOLLAR)
  })

  test.each([
    ['expired', { validBefore: 1000n }, 'payload_authorization_valid_before'],
    ['not valid yet', { validAfter: 99_999_999_999n }, 'payload_authorization_valid_after'],
  ])('refuses what is %s, with its reason (case 5)', async (_, more, cause) => {
    const settler = facilitator({ url: local.url })
    const bad = await signTransfer(networkWith(settler), payer, authorize(payer, more))
    expect(await settler.settle(bad)).toMatchObject({
      outcome: 'failed',
      cause: `invalid_exact_evm_${cause}`,
    })
  })

  test('refuses a signature that is not the payer’s', async () => {
    const settler = facilitator({ url: local.url })
    const bad = await signTransfer(networkWith(settler), submitter, authorize(payer))
    expect(await settler.settle(bad)).toMatchObject({
      outcome: 'failed',
      cause: 'invalid_exact_evm_signature',
    })
  })
})

describe('answers', () => {
  const url = 'https://facilitator.example/base'
  const server = setupServer()
  beforeAll(() => server.listen())
  afterEach(() => server.resetHandlers())
  afterAll(() => server.close())

  const good = (): Record<string, unknown> => ({
    success: true,
    transaction: HASH,
    network: 'eip155:84532',
    payer: transfer.authorization.from,
  })

  const settleWith = async (
    answer: () => Response | Promise<Response>,
    options: Partial<FacilitatorOptions> = {},
  ): Promise<Settlement> => {
    server.use(http.post(`${url}/settle`, answer))
    return facilitator({ url, ...options }).settle(transfer)
  }

  test.each<[string, () => Response, object | null]>([
    ['valid', () => HttpResponse.json({ isValid: true, payer: transfer.authorization.from }), null],
    [
      'invalid',
      () => HttpResponse.json({ isValid: false, invalidReason: 'insufficient_funds' }),
      { reason: 'verification-failed', cause: 'insufficient_funds' },
    ],
    [
      'valid for another payer',
      () => HttpResponse.json({ isValid: true, payer: SELLER }),
      { reason: 'verification-failed', cause: 'payer_mismatch' },
    ],
    ['not an answer', () => HttpResponse.text('<html>'), { reason: 'settlement-unavailable' }],
    ['a failure', () => new HttpResponse(null, { status: 500 }), { reason: 'settlement-unavailable' }],
  ])('a verification that says %s', async (_name, answer, expected) => {
    server.use(http.post(`${url}/verify`, answer))
    const refusal = await facilitator({ url }).verify(transfer)
    if (expected === null) expect(refusal).toBeNull()
    else expect(refusal).toMatchObject(expected)
  })

  test('what is supported is told, or that nothing was told', async () => {
    const kind = { x402Version: 2, scheme: 'exact', network: 'eip155:84532' }
    server.use(
      http.get(`${url}/supported`, () => HttpResponse.json({ kinds: [{ ...kind, extra: {} }], signers: {} })),
    )
    expect(await facilitator({ url }).supported()).toEqual([kind])
    server.use(http.get(`${url}/supported`, () => HttpResponse.text('')))
    expect(await facilitator({ url }).supported()).toBeNull()
  })

  test('the request is what the specification asks for', async () => {
    let body: unknown
    let headers = new Headers()
    server.use(
      http.post(`${url}/settle`, async ({ request }) => {
        headers = request.headers
        body = await request.json()
        return HttpResponse.json(good())
      }),
    )
    const auth = async (call: string) => ({ authorization: `Bearer for ${call}` })
    expect(await facilitator({ url: `${url}/`, auth }).settle(transfer)).toEqual({
      outcome: 'settled',
      transaction: HASH,
      block: null,
    })
    expect(headers.get('authorization')).toBe('Bearer for settle')
    expect(headers.get('content-type')).toBe('application/json')
    const { from, to, value, validAfter, validBefore, nonce } = transfer.authorization
    const requirements = {
      scheme: 'exact',
      network: 'eip155:84532',
      amount: '1000000',
      asset: chain.usdc.address,
      payTo: SELLER,
      maxTimeoutSeconds: expect.any(Number),
      extra: { name: 'USDC', version: '2' },
    }
    expect(body).toEqual({
      x402Version: 2,
      paymentRequirements: requirements,
      paymentPayload: {
        x402Version: 2,
        resource: { url: transfer.resource },
        accepted: requirements,
        payload: {
          signature: transfer.signature,
          authorization: {
            from,
            to,
            nonce,
            value: value.toString(),
            validAfter: validAfter.toString(),
            validBefore: validBefore.toString(),
          },
        },
      },
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['no more than it must', { payer: undefined }],
    ['null where it has nothing', { payer: null, amount: null, errorReason: null }],
    [
      'everything',
      { amount: '1000000', extensions: {}, asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' },
    ],
    ['the network by its v1 name', { network: 'base-sepolia' }],
  ])('success that says %s is believed', async (_, more) => {
    const settlement = await settleWith(() => HttpResponse.json({ ...good(), ...more }))
    expect(settlement).toEqual({ outcome: 'settled', transaction: HASH, block: null })
  })

  test('the payer may come with a checksum', async () => {
    const payerWithCase = transfer.authorization.from.toUpperCase().replace('0X', '0x')
    const settlement = await settleWith(() => HttpResponse.json({ ...good(), payer: payerWithCase }))
    expect(settlement.outcome).toBe('settled')
  })

  test.each<[string, Record<string, unknown>, string | null]>([
    ['payer', { payer: '0x9999999999999999999999999999999999999999' }, HASH],
    ['payer', { payer: 'nobody' }, HASH],
    ['network', { network: 'eip155:8453' }, HASH],
    ['network', { network: undefined }, HASH],
    ['amount', { amount: '999999' }, HASH],
    ['amount', { amount: '0x0f4240' }, HASH],
    ['asset', { asset: '0x9999999999999999999999999999999999999999' }, HASH],
    ['recipient', { payTo: '0x9999999999999999999999999999999999999999' }, HASH],
    ['transaction', { transaction: '' }, null],
    ['transaction', { transaction: undefined }, null],
    ['transaction', { transaction: '0x1234' }, null],
  ])(
    'success with another %s (%o) is not believed, and not called failed (case 7)',
    async (_, more, transaction) => {
      const settlement = await settleWith(() => HttpResponse.json({ ...good(), ...more }))
      expect(settlement).toMatchObject({ outcome: 'unknown', transaction })
    },
  )

  test.each([200, 400, 402, 422])(
    'a refusal with status %i is a failure with its reason (case 5)',
    async (status) => {
      const body = {
        success: false,
        errorReason: 'insufficient_funds',
        transaction: '',
        network: 'eip155:84532',
      }
      const settlement = await settleWith(() => HttpResponse.json(body, { status }))
      expect(settlement).toMatchObject({ outcome: 'failed', cause: 'insufficient_funds' })
    },
  )

  test('a refusal without a reason, and one with far too much of it', async () => {
    expect(await settleWith(() => HttpResponse.json({ success: false }))).toMatchObject({ outcome: 'failed' })
    const long = await settleWith(() => HttpResponse.json({ success: false, errorReason: 'x'.repeat(9999) }))
    expect(long).toMatchObject({ outcome: 'failed', cause: 'x'.repeat(200) })
  })

  test('a refusal in words that no store can hold', async () => {
    const refusal = async (errorReason: string): Promise<string> => {
      const settlement = await settleWith(() => HttpResponse.json({ success: false, errorReason }))
      return settlement.outcome === 'failed' ? settlement.cause : settlement.outcome
    }
    expect(await refusal('bad\0luck')).toBe('bad�luck')
    expect((await refusal(`${'x'.repeat(199)}😀`)).isWellFormed()).toBe(true)
  })

  test('a transaction is told in lower case, as everybody looks for it', async () => {
    const transaction = `0x${'AB'.repeat(32)}`
    expect(await settleWith(() => HttpResponse.json({ ...good(), transaction }))).toMatchObject({
      outcome: 'settled',
      transaction: HASH,
    })
  })

  test.each(['invalid_exact_evm_transaction_failed', 'invalid_exact_evm_failed_to_execute_transfer'])(
    '"%s" means that nobody knows, unless it names what was reverted',
    async (errorReason) => {
      const failed = { success: false, errorReason }
      expect(await settleWith(() => HttpResponse.json({ ...failed, transaction: '' }))).toMatchObject({
        outcome: 'unknown',
      })
      expect(await settleWith(() => HttpResponse.json({ ...failed, transaction: HASH }))).toMatchObject({
        outcome: 'failed',
      })
    },
  )

  test.each([
    'settlement_pending',
    'unexpected_settle_error',
    'invalid_exact_evm_failed_to_get_receipt',
    `Timed out while waiting for transaction with hash "${HASH}" to be confirmed.`,
    'timeout',
  ])('"%s" means that nobody knows', async (errorReason) => {
    const pending = { success: false, errorReason, transaction: HASH, network: 'eip155:84532' }
    expect(await settleWith(() => HttpResponse.json(pending))).toMatchObject({
      outcome: 'unknown',
      transaction: HASH,
    })
    expect(await settleWith(() => HttpResponse.json({ ...pending, transaction: '' }))).toMatchObject({
      outcome: 'unknown',
      transaction: null,
    })
  })

  test.each<[string, () => Response]>([
    ['500', () => new HttpResponse(null, { status: 500 })],
    ['500 that says success', () => HttpResponse.json(good(), { status: 500 })],
    [
      '500 that says failure',
      () => HttpResponse.json({ success: false, errorReason: 'no' }, { status: 500 }),
    ],
    ['400 that says success', () => HttpResponse.json(good(), { status: 400 })],
    ['400 without a settlement', () => HttpResponse.json({ error: 'Invalid request' }, { status: 400 })],
    ['408', () => new HttpResponse('', { status: 408 })],
    ['HTML', () => HttpResponse.html('<h1>Maintenance</h1>')],
    ['nothing', () => new HttpResponse('')],
    ['half an object', () => new HttpResponse('{"success": tr')],
    ['a list', () => HttpResponse.json([good()])],
    ['success as text', () => HttpResponse.json({ ...good(), success: 'true' })],
    ['a transaction of another type', () => HttpResponse.json({ ...good(), transaction: { hash: HASH } })],
    ['not UTF-8', () => new HttpResponse(new Uint8Array([0x7b, 0xff, 0xfe]))],
    ['2 MB', () => HttpResponse.json({ ...good(), padding: 'x'.repeat(2 * 2 ** 20) })],
    ['50 000 levels', () => new HttpResponse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)],
    ['a broken connection', () => HttpResponse.error()],
  ])('%s: unknown, never failed, never settled (case 6)', async (_, answer) => {
    expect(await settleWith(answer)).toMatchObject({ outcome: 'unknown', transaction: null })
  })

  test.each([301, 307, 401, 403, 404, 405, 413, 415, 429])(
    'status %i turns the request away: unsent',
    async (status) => {
      const headers = status < 400 ? { location: 'https://elsewhere.example/settle' } : {}
      const settlement = await settleWith(() => new HttpResponse(null, { status, headers }))
      expect(settlement).toMatchObject({ outcome: 'unsent' })
    },
  )

  test('authentication that fails sends nothing, and its error stays inside', async () => {
    for (const auth of [
      () => {
        throw new Error('secret')
      },
      () => Promise.reject(new Error('secret')),
    ]) {
      let called = false
      const settlement = await settleWith(
        () => {
          called = true
          return HttpResponse.json(good())
        },
        { auth },
      )
      expect(settlement.outcome).toBe('unsent')
      expect(JSON.stringify(settlement)).not.toContain('secret')
      expect(called).toBe(false)
    }
  })
})

describe('connections', () => {
  test('nobody there: unsent', async () => {
    const { url, stop } = await serve(() => {})
    await stop()
    expect(await facilitator({ url }).settle(transfer)).toEqual({
      outcome: 'unsent',
      detail: 'The facilitator could not be reached.',
    })
  })

  test.each<[string, (response: ServerResponse) => void]>([
    ['ends before the answer', (response) => response.destroy()],
    [
      'ends within the answer',
      (response) =>
        void response.writeHead(200, { 'content-length': '99' }).write('{"suc', () => response.destroy()),
    ],
    ['never answers', () => {}],
    ['never ends its answer', (response) => void response.writeHead(200).write('{"success"')],
  ])('a facilitator that %s: unknown', async (_, answer) => {
    const { url, stop } = await serve(answer)
    expect(await facilitator({ url, timeoutMs: 1000 }).settle(transfer)).toMatchObject({
      outcome: 'unknown',
      transaction: null,
    })
    await stop()
  })

  test('an endless answer is cut', async () => {
    let sent = 0
    const { url, stop } = await serve((response) => {
      const chunk = Buffer.alloc(16_384, 0x20)
      const more = (): void => {
        while (!response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) break
        }
      }
      response.on('drain', more).writeHead(200)
      more()
    })
    expect(await facilitator({ url }).settle(transfer)).toMatchObject({ outcome: 'unknown' })
    await stop()
    expect(sent).toBeLessThan(16 * 2 ** 20)
  })

  test('times out although the chain has it: found there, without a second charge (case 4)', async () => {
    const settler = facilitator({ url: 'http://localhost:1', timeoutMs: 1000 })
    const network = networkWith(settler)
    const late = await signTransfer(network, payer)
    const { url, stop } = await serve(() => void submit(chain, submitter, late))
    const before = await chain.balanceOf(SELLER)
    const claimedAt = Date.now()
    const settlement = await facilitator({ url, timeoutMs: 1000 }).settle(late)
    expect(settlement).toMatchObject({ outcome: 'unknown', transaction: null })
    const { authorization, asset } = late
    const payment = {
      asset: asset.address,
      payer: authorization.from,
      recipient: authorization.to,
      amount: authorization.value.toString(),
      evidence: authorizationEvidence(late),
      transaction: null,
      claimedAt,
    }
    expect(await reconcileAuthorization(payment, network)).toMatchObject({ outcome: 'settled' })
    expect(await chain.balanceOf(SELLER)).toBe(before + DOLLAR)
    await stop()
  })

  async function serve(
    answer: (response: ServerResponse) => void,
  ): Promise<{ url: string; stop(): Promise<void> }> {
    const server = createServer((request, response) => {
      request.resume().on('end', () => answer(response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async stop() {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()))
        server.closeAllConnections()
        await closed
      },
    }
  }
})

describe('options', () => {
  test.each([
    'http://facilitator.example',
    'ftp://localhost',
    'facilitator.example',
    '',
    'https://facilitator.example/?key=1',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
  ])('url %j is refused', (url) => {
    expect(() => facilitator({ url })).toThrow(/^facilitator\.url: expected/)
  })

  test.each([
    'https://facilitator.example',
    'http://localhost:4021',
    'http://127.0.0.1:9',
    'http://[::1]:9/x402/',
  ])('url %j is taken', (url) => {
    expect(facilitator({ url }).name).toBe('facilitator')
  })

  test('bad time-outs and unknown options are refused by name', () => {
    const url = 'https://facilitator.example'
    expect(() => facilitator({ url, timeoutMs: 0 })).toThrow(/^facilitator\.timeoutMs: expected/)
    expect(() => facilitator({ url, timeoutMs: Number.NaN })).toThrow(/^facilitator\.timeoutMs: expected/)
    expect(() => facilitator({ url, retries: 3 } as FacilitatorOptions)).toThrow(
      /^facilitator\.retries: expected/,
    )
  })
})
