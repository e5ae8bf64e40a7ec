import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify } from 'jose'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../../src/lib/base64.ts'
import { coinbase } from '../../../src/protocols/x402/coinbase.ts'

const KEY_ID = 'organizations/1/apiKeys/2'
const BASE = 'https://api.cdp.coinbase.com/platform/v2/x402'

const server = setupServer()
beforeAll(() => server.listen())
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

/** Asks for what is supported, and returns the token that went with it. */
async function tokenOf(keySecret: string): Promise<string> {
  let authorization: string | null = null
  server.use(
    http.get(`${BASE}/supported`, ({ request }) => {
      authorization = request.headers.get('authorization')
      return HttpResponse.json({ kinds: [] })
    }),
  )
  await coinbase({ keyId: KEY_ID, keySecret }).supported()
  return String(authorization).replace('Bearer ', '')
}

describe('a call to the facilitator of Coinbase', () => {
  it.each(['EdDSA', 'ES256'])('carries a token for itself alone, signed with the key: %s', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const { d = '', x = '' } = await exportJWK(privateKey)
    const raw = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')])
    const token = await tokenOf(alg === 'EdDSA' ? encodeBase64(raw) : await exportPKCS8(privateKey))
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, { issuer: 'cdp', subject: KEY_ID })
    expect(protectedHeader).toMatchObject({
      alg,
      kid: KEY_ID,
      typ: 'JWT',
      nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(payload['uris']).toEqual(['GET api.cdp.coinbase.com/platform/v2/x402/supported'])
    expect((payload.exp ?? 0) - (payload.nbf ?? 0)).toBe(120)
  })

  it.each(['', 'secret', 'A'.repeat(87), '-----BEGIN EC PRIVATE KEY-----'])(
    'is not made with a key of another form',
    (keySecret) => {
      const make = () => coinbase({ keyId: KEY_ID, keySecret })
      expect(make).toThrow(/^coinbase.keySecret: expected an Ed25519 key/)
      if (keySecret !== '') expect(make).not.toThrow(keySecret)
    },
  )

  it('is not sent when the key does not sign, and does not show it', async () => {
    const keySecret = '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----'
    expect(await coinbase({ keyId: KEY_ID, keySecret }).supported()).toBeNull()
  })
})
