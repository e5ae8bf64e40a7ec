import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { systemRandom } from '../../src/lib/id.ts'
import { createWebhookSecret, signWebhook, verifyWebhook } from '../../src/webhooks/signature.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const NOW = Date.UTC(2030, 0, 1)
const EVENT = {
  type: 'payment.settled',
  timestamp: '2030-01-01T00:00:00.000Z',
  data: { paymentId: 'pay_1', note: 'ü🎉' },
}
const BODY = JSON.stringify(EVENT)
const at = (ms: number) => ({ clock: () => ms })
const refused = expect.objectContaining({ name: 'CofferError', code: 'invalid-webhook' })

const sign = (secrets: readonly string[] = [SECRET], when = NOW, body = BODY) =>
  signWebhook('evt_1', when, body, secrets)
const secretText = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`)
const event = fc.record({
  type: fc.string(),
  timestamp: fc.string(),
  data: fc.dictionary(
    fc.string({ unit: 'grapheme' }),
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null)),
  ),
})

describe('standardwebhooks', () => {
  it('verifies what is signed here', () => {
    fc.assert(
      fc.property(secretText, event, (secret, event) => {
        const body = JSON.stringify(event)
        const headers = signWebhook('evt_1', Date.now(), body, [secret])
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
      }),
    )
  })

  it('signs what is verified here', () => {
    fc.assert(
      fc.property(secretText, event, fc.boolean(), (secret, event, asBytes) => {
        const body = JSON.stringify(event)
        const headers = {
          'Webhook-Id': 'msg_1',
          'Webhook-Timestamp': String(NOW / 1000),
          'Webhook-Signature': new Webhook(secret).sign('msg_1', new Date(NOW), body),
        }
        const received = asBytes ? new TextEncoder().encode(body) : body
        expect(verifyWebhook(received, headers, secret, at(NOW))).toEqual(JSON.parse(body))
      }),
    )
  })

  it('takes our secrets, and knows the same signature of its documentation', () => {
    const secret = createWebhookSecret(systemRandom)
    expect(() => new Webhook(secret)).not.toThrow()
    const headers = signWebhook('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330_000, '{"test": 2432232314}', [
      SECRET,
    ])
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  it('verifies with the old secret and with the new one while one replaces the other', () => {
    const [old, next, other] = [1, 2, 3].map(() => createWebhookSecret(systemRandom)) as [
      string,
      string,
      string,
    ]
    const headers = sign([next, old], Date.now())
    for (const secret of [old, next]) expect(new Webhook(secret).verify(BODY, headers)).toEqual(EVENT)
    expect(() => new Webhook(other).verify(BODY, headers)).toThrow()
  })
})

describe('a message', () => {
  it('is verified with any of the receiver’s secrets, from headers of every kind', () => {
    const other = createWebhookSecret(systemRandom)
    const headers = sign()
    for (const received of [
      headers,
      new Headers(headers),
      { ...headers, host: 'a', 'set-cookie': ['b'], cookie: undefined },
    ]) {
      expect(verifyWebhook(BODY, received, [other, SECRET], at(NOW))).toEqual(EVENT)
    }
    expect(verifyWebhook(BODY, headers, SECRET.slice('whsec_'.length), at(NOW))).toEqual(EVENT)
  })

  it('has the seconds of the try, and a signature that changes with them', () => {
    const [first, second] = [sign(), sign([SECRET], NOW + 1000)]
    expect(first['webhook-timestamp']).toBe(String(NOW / 1000))
    expect(second['webhook-timestamp']).toBe(String(NOW / 1000 + 1))
    expect(second['webhook-signature']).not.toBe(first['webhook-signature'])
  })

  it('is refused when any of its bytes is another (case 41)', () => {
    const bytes = new TextEncoder().encode(BODY)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const tampered = bytes.map((byte, i) => (i === index ? byte ^ change : byte))
        expect(() => verifyWebhook(tampered, sign(), SECRET, at(NOW))).toThrow(refused)
      }),
    )
    for (const body of [`${BODY} `, BODY.slice(1), '']) {
      expect(() => verifyWebhook(body, sign(), SECRET, at(NOW))).toThrow(refused)
    }
  })

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'is refused when %s is missing, empty or another',
    (name) => {
      const headers = sign()
      for (const value of [undefined, '', '1893456001', 'evt_2', [headers[name]]]) {
        expect(() =>
          verifyWebhook(BODY, { ...headers, [name]: value } as Record<string, string>, SECRET, at(NOW)),
        ).toThrow(refused)
      }
    },
  )

  it.each([
    [-301, false],
    [-300, true],
    [0, true],
    [300, true],
    [301, false],
  ])('that is %i seconds off is verified: %s (case 41)', (seconds, isVerified) => {
    for (const ms of [0, 999]) {
      const verify = () => verifyWebhook(BODY, sign([SECRET], NOW), SECRET, at(NOW + seconds * 1000 + ms))
      if (isVerified) expect(verify()).toEqual(EVENT)
      else expect(verify).toThrow(refused)
    }
  })

  it('is refused for a timestamp that is not whole seconds, even when it was signed (case 41)', () => {
    for (const timestamp of [
      '123abc',
      `${NOW / 1000}.0`,
      `+${NOW / 1000}`,
      ` ${NOW / 1000}`,
      '0x70dbd880',
      '1e9',
      'NaN',
      '-1',
    ]) {
      const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
      const right = createHmac('sha256', key).update(`evt_1.${timestamp}.${BODY}`).digest('base64')
      const headers = {
        'webhook-id': 'evt_1',
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${right}`,
      }
      expect(() => verifyWebhook(BODY, headers, SECRET, at(NOW))).toThrow(refused)
    }
  })

  it('is refused for every signature that is not the one (case 41)', () => {
    const right = sign()['webhook-signature']
    const wrong = [
      '',
      ' ',
      'v1',
      'v1,',
      ',',
      right.slice(3),
      right.replace('v1,', 'v1a,'),
      right.replace('v1,', 'v2,'),
    ]
    for (const signature of [
      ...wrong,
      right.slice(0, -1),
      `${right}=`,
      right.toLowerCase(),
      right.replaceAll(' ', ','),
    ]) {
      if (signature === right) continue
      const headers = { ...sign(), 'webhook-signature': signature }
      expect(() => verifyWebhook(BODY, headers, SECRET, at(NOW))).toThrow(refused)
    }
    const headers = { ...sign(), 'webhook-signature': `v1a,abc v1, ${right} v2,x` }
    expect(verifyWebhook(BODY, headers, SECRET, at(NOW))).toEqual(EVENT)
  })

  it('is refused when it is authentic but not an event', () => {
    for (const body of [
      '',
      'null',
      '[]',
      '1',
      '{}',
      '{"type":"a","timestamp":"b"}',
      '{"type":"a","timestamp":"b","data":1}',
      'x',
    ]) {
      expect(() => verifyWebhook(body, sign([SECRET], NOW, body), SECRET, at(NOW))).toThrow(refused)
    }
  })

  it('is not shown, and neither is the secret, in what is thrown', () => {
    try {
      verifyWebhook(BODY, { ...sign(), 'webhook-signature': 'v1,nonsense' }, SECRET, at(NOW))
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toMatch(/nonsense|MfKQ|pay_1/)
    }
  })
})

describe('options', () => {
  it('a tolerance of one’s own', () => {
    const verify = (toleranceMs: number) => () =>
      verifyWebhook(BODY, sign(), SECRET, { toleranceMs, ...at(NOW + 5000) })
    expect(verify(5000)()).toEqual(EVENT)
    expect(verify(4999)).toThrow(refused)
  })

  it.each([
    [[]],
    [''],
    ['whsec_'],
    ['whsec_c2hvcnQ='],
    ['whsec_!!!'],
    [`whsec_${'A'.repeat(88)}`],
    [undefined],
  ])('a secret that is none is a mistake of the programmer: %j', (secret) => {
    expect(() => verifyWebhook(BODY, sign(), secret as string, at(NOW))).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.not.stringContaining('c2hvcnQ') }),
    )
  })
})
