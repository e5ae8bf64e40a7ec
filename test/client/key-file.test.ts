import { scryptSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scrypt } from '@noble/hashes/scrypt.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { Keystore } from 'ox'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentFile } from '../../src/client/agent-file.ts'
import { createKeyFile, openKeyFile, readKeyFileAddress } from '../../src/client/key-file.ts'
import { toHex } from '../../src/lib/hex.ts'
import { devKeys } from '../chains/anvil.ts'
import { errorOf } from './agents.ts'

const PASSPHRASE = 'correct horse 🐎 battery staple'
const KEY = devKeys[5]
const ADDRESS = privateKeyToAccount(KEY).address

const folder = mkdtempSync(join(tmpdir(), 'coffer-keys-'))
const path = join(folder, 'agent.json')
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(async () => {
  await createKeyFile(path, PASSPHRASE, KEY)
})

const read = () => JSON.parse(readFileSync(path, 'utf8'))

/** A copy of the file with something changed. */
function changed(name: string, change: (file: ReturnType<typeof read>) => void, mode = 0o600): string {
  const file = read()
  change(file)
  const copy = join(folder, name)
  writeFileSync(copy, JSON.stringify(file), { mode })
  return copy
}

describe('a key file', () => {
  it('is for its owner only, and holds no key', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).not.toContain(KEY.slice(2))
    expect(read().crypto).toMatchObject({ kdf: 'scrypt', kdfparams: { n: 131_072, r: 8, p: 1 } })
  })

  it('signs as its key does', async () => {
    const signer = await openKeyFile(path, PASSPHRASE)
    expect(signer.address).toBe(ADDRESS)
    const message = 'bees'
    expect(await signer.signMessage?.({ message })).toBe(
      await privateKeyToAccount(KEY).signMessage({ message }),
    )
  })

  it('says its address without the passphrase', async () => {
    expect(await readKeyFileAddress(path)).toBe(ADDRESS.toLowerCase())
  })

  it('is opened by another wallet, and opens what that has written', async () => {
    // ox has its own idea of r and p, so that it is told the derived key.
    const { n, r, p, dklen, salt } = read().crypto.kdfparams
    const key = scrypt(PASSPHRASE, Buffer.from(salt, 'hex'), { N: n, r, p, dkLen: dklen })
    expect(Keystore.decrypt(read(), toHex(key))).toBe(KEY)
    const [derived, options] = await Keystore.scryptAsync({ password: PASSPHRASE, n: 8192 })
    const theirs = join(folder, 'theirs.json')
    writeFileSync(theirs, JSON.stringify(Keystore.encrypt(KEY, derived, options)), { mode: 0o600 })
    expect((await openKeyFile(theirs, PASSPHRASE)).address).toBe(ADDRESS)
    expect(await errorOf(readKeyFileAddress(theirs))).toMatchObject({ code: 'invalid-key-file' })
  })

  it('has a key of its own when none is given', async () => {
    const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')]
    const addresses = [await createKeyFile(one, PASSPHRASE), await createKeyFile(two, PASSPHRASE)]
    expect(new Set(addresses).size).toBe(2)
    expect((await openKeyFile(one, PASSPHRASE)).address.toLowerCase()).toBe(addresses[0])
  })

  it('that is there is left alone', async () => {
    const before = readFileSync(path, 'utf8')
    expect(await errorOf(createKeyFile(path, PASSPHRASE, KEY))).toMatchObject({ code: 'invalid-key-file' })
    expect(readFileSync(path, 'utf8')).toBe(before)
  })

  it.each([
    ['another passphrase', () => path, 'correct horse', 'passphrase is wrong'],
    [
      'a key that was changed',
      () => changed('a', (file) => (file.crypto.ciphertext = '00'.repeat(32))),
      PASSPHRASE,
      'was changed',
    ],
    [
      'an address of somebody else',
      () => changed('b', (file) => (file.address = '00'.repeat(20))),
      PASSPHRASE,
      'not that of its key',
    ],
    [
      'others who may read it',
      () => {
        const copy = changed('c', () => {})
        chmodSync(copy, 0o640)
        return copy
      },
      PASSPHRASE,
      'chmod 600',
    ],
    [
      'more memory than there is',
      () => changed('d', (file) => (file.crypto.kdfparams.n = 2 ** 40)),
      PASSPHRASE,
      'version 3',
    ],
    [
      'parameters that are none',
      () => changed('e', (file) => (file.crypto.kdfparams.n = 1000)),
      PASSPHRASE,
      'scrypt',
    ],
    [
      'a key of another length',
      () =>
        changed('i', (file) => {
          const { salt, n, r, p } = file.crypto.kdfparams
          const cost = { N: n, r, p, maxmem: 2 ** 28 }
          const derived = scryptSync(PASSPHRASE, Buffer.from(salt, 'hex'), 32, cost)
          const ciphertext = '00'.repeat(31)
          const mac = keccak_256(Buffer.concat([derived.subarray(16), Buffer.from(ciphertext, 'hex')]))
          Object.assign(file.crypto, { ciphertext, mac: Buffer.from(mac).toString('hex') })
        }),
      PASSPHRASE,
      'no private key',
    ],
    [
      'a vector of another length',
      () => changed('j', (file) => (file.crypto.cipherparams.iv = '00')),
      PASSPHRASE,
      'no private key',
    ],
    ['another cipher', () => changed('f', (file) => (file.crypto.cipher = 'none')), PASSPHRASE, 'version 3'],
    [
      'no JSON in it',
      () => {
        const bad = join(folder, 'g')
        writeFileSync(bad, 'x', { mode: 0o600 })
        return bad
      },
      PASSPHRASE,
      'version 3',
    ],
    ['nothing there', () => join(folder, 'h'), PASSPHRASE, 'cannot be read'],
  ])('with %s: refused', async (_what, file, passphrase, why) => {
    const error = await errorOf(openKeyFile(file(), passphrase))
    expect(error).toMatchObject({ code: 'invalid-key-file', message: expect.stringContaining(why) })
    expect(JSON.stringify([error.message, error.stack])).not.toContain(KEY.slice(2))
  })

  it.each([
    ['a passphrase that is too short', 'seven77', KEY],
    ['a key that is none', PASSPHRASE, '0x12'],
    ['a key of zero', PASSPHRASE, `0x${'00'.repeat(32)}`],
  ] as const)('is not made with %s', async (_what, passphrase, key) => {
    const error = await errorOf(createKeyFile(join(folder, 'never.json'), passphrase, key))
    expect(error.message).not.toContain('00000')
    expect(() => statSync(join(folder, 'never.json'))).toThrow('ENOENT')
  })
})

describe('the file of an agent', () => {
  it('is for its owner only, with all that belongs to it', async () => {
    const file = join(folder, 'agent.db')
    const store = agentFile(file)
    await store.commit([{ key: 'a', value: {} }])
    for (const part of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(part).mode & 0o777).toBe(0o600)
    await store.close()
  })

  it('that others could read is closed to them', async () => {
    const file = join(folder, 'open.db')
    writeFileSync(file, '', { mode: 0o644 })
    await agentFile(file).close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })
})
