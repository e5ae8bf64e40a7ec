import { createCipheriv, createDecipheriv, randomBytes, randomUUID, scrypt } from 'node:crypto'
import { open, readFile, stat, unlink } from 'node:fs/promises'
import { keccak_256 } from '@noble/hashes/sha3.js'
import * as z from 'zod/mini'
import type { Signer } from '../evm/signer.ts'
import { constantTimeEqual } from '../lib/bytes.ts'
import { fromHex, type Hex, isHex, toHex } from '../lib/hex.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { CofferError, invalidOption } from '../problems/error.ts'

/** 128 MiB and some tenths of a second for every guess of a passphrase. */
const COST = { n: 2 ** 17, r: 8, p: 1 }

/** The most that a file may ask for: 1 GiB. */
const MAX_COST = 2 ** 20 * 8

const MIN_PASSPHRASE = 8

const hex = z.string().check(z.regex(/^(?:[0-9a-f]{2})+$/))

/** Web3 Secret Storage, version 3, as other wallets write it too. */
const schema = z.object({
  version: z.literal(3),
  /** Without `0x`; not every wallet writes it. */
  address: z.optional(z.string()),
  crypto: z.object({
    cipher: z.literal('aes-128-ctr'),
    cipherparams: z.object({ iv: hex }),
    ciphertext: hex,
    kdf: z.literal('scrypt'),
    kdfparams: z.object({ dklen: z.literal(32), n: z.int(), r: z.int(), p: z.int(), salt: hex }),
    mac: hex,
  }),
})

type KeyFile = z.infer<typeof schema>

/**
 * Writes a private key into a file that only its owner may read (0600), encrypted with a passphrase (scrypt, AES-128-CTR):
 * Web3 Secret Storage version 3. A file that is there already is left alone. For Node, Bun and Deno.
 *
 * @param privateKey - Default: a new one.
 * @returns The address of the account.
 * @throws CofferError `invalid-option` for a short passphrase or a bad key; `invalid-key-file` when there is such a file.
 */
export async function createKeyFile(path: string, passphrase: string, privateKey?: Hex): Promise<Address> {
  if (typeof passphrase !== 'string' || passphrase.length < MIN_PASSPHRASE) {
    invalidOption('passphrase', `at least ${MIN_PASSPHRASE} characters`)
  }
  const { generatePrivateKey, privateKeyToAddress } = await import('viem/accounts')
  const key = privateKey ?? generatePrivateKey()
  if (!isHex(key, 32)) invalidOption('privateKey', '32 bytes as 0x hexadecimal')
  const address = parseAddress(privateKeyToAddress(key))
  if (address === null) return invalidOption('privateKey', 'a key of secp256k1')
  const [salt, iv] = [randomBytes(32), randomBytes(16)]
  const derived = await derive(passphrase, salt, COST)
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const ciphertext = Buffer.concat([cipher.update(fromHex(key)), cipher.final()])
  const file = {
    version: 3,
    id: randomUUID(),
    address: address.slice(2),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf: 'scrypt',
      kdfparams: { dklen: 32, ...COST, salt: salt.toString('hex') },
      mac: macOf(derived, ciphertext),
    },
  }
  await writeNew(path, `${JSON.stringify(file, null, 2)}\n`)
  return address
}

/**
 * Opens a key file: an account that signs, for `payFetch`.
 *
 * @throws CofferError `invalid-key-file` when it is none, when others may read it, or when the passphrase is another.
 */
export async function openKeyFile(path: string, passphrase: string): Promise<Signer> {
  const { address, crypto } = await read(path)
  const { kdfparams, cipherparams, mac } = crypto
  const ciphertext = Buffer.from(crypto.ciphertext, 'hex')
  const derived = await derive(passphrase, Buffer.from(kdfparams.salt, 'hex'), kdfparams)
  if (!constantTimeEqual(macOf(derived, ciphertext), mac))
    return fail('the passphrase is wrong, or the file was changed')
  const { privateKeyToAccount } = await import('viem/accounts')
  const account = accountOf(() => {
    const iv = Buffer.from(cipherparams.iv, 'hex')
    const cipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
    return privateKeyToAccount(toHex(Buffer.concat([cipher.update(ciphertext), cipher.final()])))
  })
  const isOwn = address === undefined || addressOf(address) === parseAddress(account.address)
  return isOwn ? account : fail('its address is not that of its key')
}

/** What a library says of a key that is none may repeat it. */
function accountOf<Account>(open: () => Account): Account {
  try {
    return open()
  } catch {
    return fail('what it holds is no private key of secp256k1')
  }
}

/**
 * The address of a key file, which takes no passphrase to read.
 *
 * @throws CofferError `invalid-key-file`.
 */
export async function readKeyFileAddress(path: string): Promise<Address> {
  const { address } = await read(path)
  return addressOf(address) ?? fail('it does not say its address')
}

function addressOf(text: string | undefined): Address | null {
  return parseAddress(text?.startsWith('0x') ? text : `0x${text}`)
}

async function read(path: string): Promise<KeyFile> {
  const [text, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch((cause: unknown) =>
    fail('it cannot be read', cause),
  )
  // Windows keeps its permissions elsewhere.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) return fail('others may read it: chmod 600')
  const parsed = z.safeParse(schema, parse(text))
  const { kdfparams: { n = 0, r = 0 } = {} } = parsed.data?.crypto ?? {}
  if (!parsed.success || n * r > MAX_COST)
    return fail('it is not Web3 Secret Storage, version 3, with scrypt')
  return parsed.data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function derive(
  passphrase: string,
  salt: Uint8Array,
  { n, r, p }: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const cost = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)))
  }).catch((cause: unknown) => fail('its scrypt parameters are not valid', cause)) as Promise<Buffer>
}

/** What shows that a passphrase is the right one. */
function macOf(derived: Uint8Array, ciphertext: Uint8Array): string {
  return toHex(keccak_256(Buffer.concat([derived.subarray(16, 32), ciphertext]))).slice(2)
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => fail('it cannot be made', cause))
  try {
    await file.writeFile(text)
    await file.sync()
    await file.close()
  } catch (cause) {
    await file.close().catch(() => {})
    await unlink(path).catch(() => {})
    fail('it cannot be written', cause)
  }
}

function fail(why: string, cause?: unknown): never {
  throw new CofferError('invalid-key-file', `the key file is refused: ${why}`, { cause })
}
