import { generateKeyPairSync, sign } from 'node:crypto'

/** A certificate that nobody but a test trusts, with its key. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

/** Makes a self-signed certificate for one name, good for a day (RFC 5280, in DER). */
export function createCertificate(name: string): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const subject = der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(name)))))
  const alternativeNames = der(0x30, der(0x82, Buffer.from(name)))
  const certified = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1)),
    ecdsaWithSha256,
    subject,
    der(0x30, time(Date.now() - 3_600_000), time(Date.now() + 86_400_000)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, der(0x30, oid(0x55, 0x1d, 0x11), der(0x04, alternativeNames)))),
  )
  const signature = sign('sha256', certified, privateKey)
  const certificate = der(0x30, certified, ecdsaWithSha256, der(0x03, Buffer.of(0), signature))
  const lines = certificate.toString('base64').replace(/.{64}(?!$)/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...head), content])
}

const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes))

const time = (at: number): Buffer =>
  der(0x18, Buffer.from(new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')))
