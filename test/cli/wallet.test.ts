import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyFile } from '../../src/client/key-file.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { createEvmPayer, createPayer } from '../clients/payers.ts'
import { openShop } from '../end-to-end/shop.ts'
import { expectNoSecrets, runProcess } from './process.ts'

const PASSPHRASE = 'correct horse battery staple'
const folder = mkdtempSync(join(tmpdir(), 'coffer-wallet-'))
let chain: EvmChain

beforeAll(async () => {
  chain = await startEvmChain()
})
afterAll(async () => {
  await chain?.stop()
  rmSync(folder, { recursive: true })
})

describe('coffer wallet', () => {
  const home = join(folder, 'home')
  const env = { COFFER_HOME: home, COFFER_PASSPHRASE: PASSPHRASE }

  it('makes a key file that only its owner may read, once, and shows its address without a passphrase', async () => {
    const made = await runProcess(['wallet', 'new'], { env })
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('without its passphrase')])
    expect(made.out).toMatch(/^0x[0-9a-f]{40}\n$/)
    expectNoSecrets(made, PASSPHRASE)
    const file = join(home, 'wallet.json')
    expect([statSync(home).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600])
    const before = readFileSync(file, 'utf8')
    const again = await runProcess(['wallet', 'new'], { env })
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('already: it stays as it is')])
    expect(readFileSync(file, 'utf8')).toBe(before)
    const shown = await runProcess(['wallet', 'show'], { env: { COFFER_HOME: home } })
    expect(shown).toMatchObject({ code: 0, out: made.out, err: '' })
    const signer = await openKeyFile(file, PASSPHRASE)
    expect(`${signer.address.toLowerCase()}\n`).toBe(made.out)
  })

  it('takes a passphrase from a file descriptor, and refuses a short one', async () => {
    const file = join(folder, 'descriptor.json')
    const args = ['wallet', 'new', '--wallet', file, '--passphrase-fd', '3', '--json']
    const short = await runProcess(args, { descriptors: ['short\n'] })
    expect([short.code, short.err]).toEqual([1, expect.stringContaining('at least 8 characters')])
    const made = await runProcess(args, { descriptors: [`${PASSPHRASE}\n`] })
    expect(JSON.parse(made.out)).toEqual({ address: expect.stringMatching(/^0x/), file })
    await openKeyFile(file, PASSPHRASE)
  })

  it('encrypts a key that there is already', async () => {
    const payer = createPayer()
    const file = join(folder, 'imported.json')
    const args = ['wallet', 'new', '--wallet', file, '--key-env', 'OLD_KEY']
    const made = await runProcess(args, { env: { ...env, OLD_KEY: payer.privateKey } })
    expect(made).toMatchObject({ code: 0, out: `${payer.address}\n` })
    expectNoSecrets(made, payer.privateKey, PASSPHRASE)
    expect(readFileSync(file, 'utf8')).not.toContain(payer.privateKey.slice(2))
    const bad = await runProcess([...args, '--wallet', `${file}2`], {
      env: { ...env, OLD_KEY: 'f'.repeat(63) },
    })
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('OLD_KEY is no private key')])
    expect(bad.err).not.toContain('fff')
    const typed = await runProcess(['wallet', 'new', '--wallet', `${file}2`, '--passphrase-env', PASSPHRASE])
    expect([typed.code, typed.err]).toEqual([
      2,
      expect.stringContaining('--passphrase-env: expected the name'),
    ])
    expectNoSecrets(typed, PASSPHRASE)
  })

  it('asks for nothing where nobody is: 2', async () => {
    const made = await runProcess(['wallet', 'new', '--wallet', join(folder, 'none.json')])
    expect([made.code, made.out]).toEqual([2, ''])
    expect(made.err).toContain('COFFER_PASSPHRASE')
  })

  it('asks at a terminal, twice, and does not show what is typed', async () => {
    const file = join(folder, 'typed.json')
    const typed = await atTerminal(['wallet', 'new', '--wallet', file], [PASSPHRASE, PASSPHRASE])
    expect(typed).toMatchObject({ code: 0 })
    expect(typed.shown).toContain('Passphrase of the new wallet')
    expect(typed.shown).toContain('The same again')
    expect(typed.shown).not.toContain('correct')
    await openKeyFile(file, PASSPHRASE)
    const other = join(folder, 'mistyped.json')
    const mistyped = await atTerminal(['wallet', 'new', '--wallet', other], [PASSPHRASE, `${PASSPHRASE}x`])
    expect(mistyped).toMatchObject({ code: 2, shown: expect.stringContaining('the two differ') })
    const interrupted = await atTerminal(['wallet', 'new', '--wallet', other], ['\u0003'])
    expect(interrupted).toMatchObject({
      code: 1,
      shown: expect.stringContaining('coffer wallet: interrupted'),
    })
    expect(() => statSync(other)).toThrow()
  })

  it('shows balances of the tokens that are known, and of endpoints no more than that they failed', async () => {
    const payer = await createEvmPayer(chain)
    const key = { COFFER_PRIVATE_KEY: payer.privateKey }
    const args = ['wallet', 'show', '--rpc', `base-sepolia=${chain.url}`]
    const shown = await runProcess(args, { env: key })
    expect(shown.out).toBe(`${payer.address}\n  10 USDC  on base-sepolia (eip155:84532)\n`)
    expectNoSecrets(shown, payer.privateKey)
    const broken = await runProcess([...args, '--json', '--rpc', 'base=http://127.0.0.1:1/?key=hunter2'], {
      env: key,
    })
    expect([broken.code, JSON.parse(broken.out).balances]).toEqual([
      1,
      expect.arrayContaining([
        expect.objectContaining({ network: 'eip155:84532', amount: '10', error: null }),
        expect.objectContaining({ network: 'eip155:8453', amount: null, error: expect.any(String) }),
      ]),
    ])
    expect(broken.out + broken.err).not.toContain('hunter2')
  })

  it('refuses a file that others may read, and one that is none', async () => {
    const open = join(folder, 'open.json')
    writeFileSync(open, readFileSync(join(home, 'wallet.json')), { mode: 0o644 })
    const none = join(folder, 'diary.json')
    writeFileSync(none, 'Dear diary', { mode: 0o600 })
    for (const file of [open, none]) {
      const { code, err } = await runProcess(['wallet', 'show', '--wallet', file])
      expect([code, err]).toEqual([1, expect.stringMatching(/^coffer wallet: the key file is refused: /)])
    }
  })

  it('pays, once its passphrase is right, and asks for it only when something is to be paid', async () => {
    const shop = await openShop({ '/a': { price: '0.01' } }, { evm: [chain] })
    try {
      const made = await runProcess(['wallet', 'show'], { env })
      await chain.mint(made.out.trim() as `0x${string}`, 1_000_000n)
      const free = await runProcess(['pay', `${shop.url}/openapi.json`], { env: { COFFER_HOME: home } })
      expect(free).toMatchObject({ code: 0, err: '' })
      const nobody = await runProcess(['pay', `${shop.url}/a`], { env: { COFFER_HOME: home } })
      expect([nobody.code, nobody.err]).toEqual([2, expect.stringContaining('COFFER_PASSPHRASE')])
      const wrong = await runProcess(['pay', `${shop.url}/a`], {
        env: { ...env, COFFER_PASSPHRASE: 'another one' },
      })
      expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('the passphrase is wrong')])
      expect([await chain.balanceOf(shop.seller), shop.runs('/a')]).toEqual([0n, 0])
      const right = await runProcess(['pay', `${shop.url}/a`], { env })
      expect(right).toMatchObject({ code: 0, out: '{"run":1}' })
      expectNoSecrets(right, PASSPHRASE)
      const typed = await atTerminal(['pay', `${shop.url}/a`, '--session', 'none'], [PASSPHRASE], {
        COFFER_HOME: home,
      })
      expect(typed).toMatchObject({ code: 0, shown: expect.stringContaining('{"run":2}') })
      expect(typed.shown).toContain(`to pay 0.01 USDC to ${shop.seller}`)
      expect(typed.shown).not.toContain('correct')
      expect(await chain.balanceOf(shop.seller)).toBe(20_000n)
    } finally {
      await shop.stop()
    }
  })
})

/** Runs the command line at a terminal of its own, where somebody types a line whenever there is a question. */
async function atTerminal(
  args: readonly string[],
  lines: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const bin = join(import.meta.dirname, '../../src/cli/bin.ts')
  const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ')
  // Of util-linux: it makes a terminal, and ends as what runs in it does.
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  let questions = 0
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk
    const asked = shown.match(/: (?=$|\r?\n)/g)?.length ?? 0
    for (; questions < asked && questions < lines.length; questions++) {
      const line = lines[questions]
      // People do not type in the same instant.
      sleep(50).then(() => child.stdin.write(`${line}\r`))
    }
  })
  const [code] = await once(child, 'close')
  return { code, shown }
}
