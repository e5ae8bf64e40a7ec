import { describe, expect, it } from 'vitest'
import { createCoffer } from '../../src/gate/coffer.ts'
import type { CofferOptions, RouteOptions } from '../../src/gate/options.ts'
import { memory } from '../../src/stores/memory.ts'
import { createScript, createSeller, request, scripted } from './scripted.ts'

const good: CofferOptions = {
  secret: 's'.repeat(32),
  wallets: { main: { address: `0x${'2'.repeat(40)}` } },
  protocols: [scripted(createScript())],
  store: memory(),
}

describe('options', () => {
  it.each<[string, object, RegExp]>([
    [
      'a short secret (case 15)',
      { secret: 's'.repeat(31) },
      /^secret\[0\]: expected at least 32 bytes, got "31 bytes"$/,
    ],
    ['a short second secret', { secret: ['s'.repeat(32), ''] }, /^secret\[1\]/],
    ['no secret', { secret: [] }, /^secret: expected at least one/],
    ['no wallet', { wallets: {} }, /^wallets: /],
    ['a bad address', { wallets: { main: { address: '0x12' } } }, /^wallets\.main\.address: .*got "0x12"$/],
    ['no protocol', { protocols: [] }, /^protocols: /],
    ['no store', { store: undefined }, /^store: /],
    ['an unknown option', { sekret: 'x' }, /^options\.sekret: expected one of secret, wallets/],
    [
      'a lifetime in milliseconds',
      { challengeTtl: 300_000 },
      /^challengeTtl: expected seconds from 10 to 86400, got 300000$/,
    ],
    ['not a number', { challengeTtl: Number.NaN }, /^challengeTtl: .*got NaN$/],
    ['half a hop', { trustProxy: 0.5 }, /^trustProxy: /],
    [
      'a URL with a path',
      { publicUrl: 'https://api.test/v1' },
      /^publicUrl: expected an origin without a path/,
    ],
    ['a realm outside ASCII', { realm: 'café' }, /^realm: /],
  ])('with %s are refused by name', (_name, wrong, message) => {
    expect(() => createCoffer({ ...good, ...wrong } as CofferOptions)).toThrow(message)
  })

  it('never show a secret', () => {
    const error = (() => {
      try {
        createCoffer({ ...good, secret: 'too-short-to-be-shown' })
      } catch (thrown) {
        return String(thrown)
      }
    })()
    expect(error).not.toContain('too-short-to-be-shown')
  })

  it('take stub payments only outside production', async () => {
    const coffer = createCoffer({ ...good, protocols: [], stub: true })
    const pay = () =>
      coffer.handle(new Request('https://api.test/', { headers: { 'x-payment': 'stub_1' } }), { price: '1' })
    expect(await pay()).toMatchObject({ grant: { payment: { method: 'stub', amount: '1' } } })
    expect(((await pay()) as Response).status).toBe(409)
    process.env['NODE_ENV'] = 'production'
    try {
      expect(() => createCoffer({ ...good, stub: true })).toThrow(
        /^stub: expected false when NODE_ENV is production/,
      )
    } finally {
      process.env['NODE_ENV'] = 'test'
    }
  })
})

describe('route options', () => {
  it.each<[string, object, RegExp]>([
    ['a number', { price: 0.01 }, /^price: expected a US dollar amount .*got 0.01$/],
    ['a price with a sign', { price: '-1' }, /^price: /],
    ['an exponent', { price: '1e3' }, /^price: /],
    ['an unknown wallet', { price: '1', wallet: 'other' }, /^wallet: expected one of main, got "other"$/],
    [
      'a line break (case 21)',
      { price: '1', description: 'a\r\nSet-Cookie: x' },
      /^description: expected text without control/,
    ],
    ['an unknown option', { price: '1', descripton: 'x' }, /^route\.descripton: /],
  ])('with %s are refused by name', (_name, wrong, message) => {
    const { coffer } = createSeller()
    expect(() => coffer.check(wrong as RouteOptions)).toThrow(message)
  })

  it('may have a description in any language (case 21)', () => {
    expect(() => createSeller().coffer.check({ price: '1', description: 'Wetter für Köln ☀️' })).not.toThrow()
  })

  it('may price by the request', async () => {
    const { coffer } = createSeller()
    const asked: string[] = []
    const route = {
      price: (asking: Request) => {
        asked.push(asking.url)
        return '0.02'
      },
    }
    expect(((await coffer.handle(request(null), route)) as Response).status).toBe(402)
    expect(asked).toEqual(['https://api.test/report'])
    await expect(coffer.handle(request(null), { price: () => 'free' })).rejects.toThrow(/^price: /)
  })
})
