import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Chains,
  type ClientKind,
  clientKinds,
  createPayerFor,
  startChains,
  stopChains,
} from '../clients/kinds.ts'
import { createWire, type Sent } from '../clients/wire.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { expectNoSecrets, runProcess } from './process.ts'
import { run } from './terminal.ts'

let chains: Chains
let shop: Shop

beforeAll(async () => {
  chains = await startChains()
  shop = await openShop(
    { '/a': { price: '0.01', acceptSessions: true }, '/free': { price: '0.00' } },
    { evm: [chains.evm], tempo: chains.tempo },
  )
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
})

interface Explained {
  readonly code: number
  readonly out: string
  readonly codes: readonly string[]
}

/** Explains as for programs, with the codes of all remarks. */
async function explain(...args: string[]): Promise<Explained> {
  const { code, out } = await run(['explain', '--json', ...args])
  return { code, out, codes: [...out.matchAll(/"code": "([^"]+)"/g)].map(([, found = '']) => found) }
}

/** A purchase by an official client: what it sent, and what came back. */
async function buy(
  kind: ClientKind,
  path = '/a',
): Promise<{ sent: Sent; answer: Response; credential: string }> {
  const wire = createWire()
  const pay = kind.connect(await createPayerFor(kind, chains), chains, wire.fetch)
  const answer = await pay(shop.url + path)
  expect(answer.status).toBe(200)
  const sent = wire.paid()
  return { sent, answer, credential: sent.headers[kind.credential] ?? '' }
}

/** What of a credential the chain does not tell everybody. */
function secretsOf(credential: string): readonly string[] {
  const json = JSON.parse(Buffer.from(credential.replace('Payment ', ''), 'base64').toString('utf8'))
  const { id, opaque } = json.challenge ?? {}
  return [id, opaque, json.accepted?.extra?.challenge].filter((secret) => secret !== undefined)
}

/** Changes one character of what is encoded in a credential. */
function tamper(credential: string, from: RegExp, to: string | ((found: string) => string)): string {
  const scheme = credential.startsWith('Payment ') ? 'Payment ' : ''
  const text = Buffer.from(credential.slice(scheme.length), 'base64').toString('utf8')
  const changed = text.replace(from, (found) => (typeof to === 'string' ? to : to(found)))
  expect(changed).not.toBe(text)
  return scheme + Buffer.from(changed).toString(scheme === '' ? 'base64' : 'base64url')
}

describe.each(clientKinds.map((kind) => [kind.name, kind] as const))(
  'coffer explain, of %s',
  (_name, kind) => {
    it('explains the payment and its receipt, and shows no signature', async () => {
      const { answer, credential } = await buy(kind)
      const signature = /0x[0-9a-f]{130,}/i.exec(
        Buffer.from(credential.replace('Payment ', ''), 'base64').toString('utf8'),
      )?.[0]
      for (const args of [
        [credential],
        [`${kind.credential}: ${credential}`],
        [kind.credential, credential],
      ]) {
        const { code, out, codes } = await explain(...args)
        expect(code).toBe(0)
        if (signature !== undefined && !kind.name.includes('tempo'))
          expect(codes).toContain('signature-right')
        expect(out).not.toContain(signature ?? credential)
        for (const secret of secretsOf(credential)) expect(out).not.toContain(secret)
      }
      const words = await runProcess(['explain'], { input: `${kind.credential}: ${credential}\n` })
      expect(words).toMatchObject({ code: 0, err: '' })
      expect(words.out).toContain('0.01')
      expectNoSecrets(words, credential, signature ?? credential)

      const receipt = await explain(answer.headers.get(kind.receipt) ?? '')
      expect(receipt).toMatchObject({ code: 0, codes: [] })
      expect(receipt.out).toMatch(/0x[0-9a-f]{64}/)
      const named = await explain(`${kind.receipt}: ${answer.headers.get(kind.receipt)}`)
      expect(named.out).toBe(receipt.out)
    })
  },
)

describe('coffer explain', () => {
  it('finds a payment that was changed, or is another than the offer', async () => {
    const [v2, v1, , , mpp] = await Promise.all(clientKinds.map((kind) => buy(kind)))
    const nonce = /"nonce":"0x./
    const another = (found: string) => found.slice(0, -1) + (found.endsWith('f') ? '0' : 'f')
    for (const credential of [v2?.credential ?? '', v1?.credential ?? ''])
      expect(await explain(tamper(credential, nonce, another))).toMatchObject({
        code: 1,
        codes: expect.arrayContaining(['signature-wrong']),
      })
    const dearer = tamper(v2?.credential ?? '', /"amount":"10000"/, '"amount":"90000"')
    expect((await explain(dearer)).codes).toContain('amount-differs')
    const other = tamper(mpp?.credential ?? '', /"realm":"[^"]*"/, '"realm":"elsewhere"')
    expect((await explain(other)).codes).toContain('nonce-differs')
  })

  it('checks the proof of an account, for a price of zero', async () => {
    const kind = clientKinds.find(({ name }) => name.includes('pull'))
    if (kind === undefined) throw new Error('there is no such client')
    const { credential } = await buy(kind, '/free')
    expect(await explain(credential)).toMatchObject({
      code: 0,
      codes: expect.arrayContaining(['signature-right']),
    })
    const other = tamper(credential, /"realm":"[^"]*"/, '"realm":"elsewhere"')
    expect((await explain(other)).codes).toContain('signature-wrong')
  })

  it('explains a whole head with its body, as curl shows it', async () => {
    const answer = await fetch(`${shop.url}/a`)
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const input = `HTTP/1.1 402 Payment Required\r\n${head}\r\n${await answer.text()}`
    const { code, out } = await runProcess(['explain'], { input })
    expect(code).toBe(0)
    for (const what of ['PAYMENT-REQUIRED: ', 'WWW-Authenticate: ', 'x402 version 1: '])
      expect(out).toContain(what)
  })

  it('explains sessions without what they can be used with', async () => {
    const token = await sessionToken()
    const { code, codes, out } = await explain(`X-Session-Token: ${token}`)
    expect({ code, codes }).toEqual({ code: 0, codes: ['signature-right', 'server-decides'] })
    expect(out).not.toContain(token.split('.')[1])
    const id = `sess_${'a'.repeat(43)}`
    const session = await runProcess(['explain', id])
    expectNoSecrets(session, id)
    expect(session.out).toContain('whoever has it may use it')
  })

  it.each(['', 'nonsense', 'Authorization: Bearer x', '{"a":1}', 'PAYMENT-NOTHING: x'])(
    'ends with 2 for %j',
    async (text) => expect(await run(['explain', text])).toMatchObject({ code: 2, out: '' }),
  )

  it.each([
    'PAYMENT-REQUIRED',
    'PAYMENT-SIGNATURE',
    'X-PAYMENT',
    'PAYMENT-RESPONSE',
    'Payment-Receipt',
    'X-Session-Token',
  ])('ends with 1 for a %s that is broken, and does not repeat it', async (name) => {
    const { code, out, err } = await run(['explain', `${name}: bm90aGluZyBvZiB1cw`])
    expect({ code, err }).toEqual({ code: 1, err: '' })
    expect(out).not.toContain('bm90aGluZyBvZiB1cw')
  })
})

/** As a client of ours signs it. */
async function sessionToken(): Promise<string> {
  const { privateKeyToAccount } = await import('viem/accounts')
  const { devKeys } = await import('../chains/anvil.ts')
  const account = privateKeyToAccount(devKeys[2])
  const now = Math.floor(Date.now() / 1000)
  const message = JSON.stringify({
    createdAt: now,
    endpoint: 'https://api.example.com/a',
    expiresAt: now + 3600,
    walletAddress: account.address,
  })
  return `${Buffer.from(message).toString('base64url')}.${await account.signMessage({ message })}`
}
