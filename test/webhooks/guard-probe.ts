/**
 * Proves on the runtime that runs it that no internal address is connected to. Prints a JSON array of
 * `{ name, holds, got }`. Runs under any runtime with `node:http`:
 *
 *     node guard-probe.ts · bun guard-probe.ts · deno run -A guard-probe.ts
 *
 * `PROBE_CERT` and `PROBE_KEY` name the PEM files of a certificate for `hooks.example.com` that the runtime was told to
 * trust (`NODE_EXTRA_CA_CERTS`, `DENO_CERT`).
 */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { createAddressGuard, isPublicAddress, isPublicHost } from '../../src/webhooks/address-guard.ts'
import { post } from '../../src/webhooks/post.ts'
import { createSender } from '../../src/webhooks/sender.ts'

const OUTSIDE = '127.0.0.1'
const INSIDE = '127.0.0.2'
const report: { name: string; holds: boolean; got: unknown }[] = []
const close: (() => void)[] = []

function check(name: string, got: unknown, expected: unknown): void {
  report.push({ name, holds: JSON.stringify(got) === JSON.stringify(expected), got })
}

/** Starts a server that counts what reaches it. */
async function listen(host: string, port: number, answer: RequestListener, secure = false) {
  const seen: string[] = []
  const listener: RequestListener = (request, response) => {
    seen.push(`${request.headers.host} ${request.url}`)
    request.resume().on('end', () => answer(request, response))
  }
  const pem = (name: string) => readFileSync(process.env[name] ?? '', 'utf8')
  const server = secure
    ? createSecureServer({ cert: pem('PROBE_CERT'), key: pem('PROBE_KEY') }, listener)
    : createServer(listener)
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  close.push(() => server.close())
  return { seen, port: (server.address() as AddressInfo).port }
}

const ok: RequestListener = (_, response) => void response.end('ok')
const outside = await listen(OUTSIDE, 0, ok)
const inside = await listen(INSIDE, outside.port, ok)
const redirecting = await listen(OUTSIDE, 0, (_, response) => {
  response.writeHead(307, { location: `http://${INSIDE}:${inside.port}/` }).end()
})

const strict = createAddressGuard()
const guard = createAddressGuard((address) => address === OUTSIDE)

async function status(
  url: string,
  answers: readonly (readonly string[])[],
  used = guard,
): Promise<number | null> {
  let asked = 0
  const resolve = async () => answers[Math.min(asked++, answers.length - 1)] ?? []
  const sender = createSender({ guard: used, resolve })
  return (await post(sender, { url, headers: { 'content-type': 'application/json' }, body: '{}' }, 3000))
    .status
}

for (const address of [
  '127.0.0.1',
  '169.254.169.254',
  '10.0.0.1',
  '::1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  'fe80::1%eth0',
  'fd00::1',
]) {
  check(`${address} is not public`, isPublicAddress(address), false)
}
for (const address of ['1.1.1.1', '2606:4700:4700::1111', '64:ff9b::101:101']) {
  check(`${address} is public`, isPublicAddress(address), true)
}

for (const host of [
  '127.1',
  '127.0.0.1.',
  '2130706433',
  '0x7f.1',
  '0177.1',
  '0',
  '[::1]',
  '[::ffff:7f00:1]',
  'localhost',
  'localhost.',
  'a.localhost',
]) {
  const url = `http://${host}:${outside.port}/`
  check(`${host} is not public`, isPublicHost(new URL(url).hostname), false)
  check(
    `${host} is not connected to`,
    [await status(url, [[OUTSIDE]], strict), outside.seen.length],
    [null, 0],
  )
}

const named = `http://hooks.example.com:${outside.port}/a?b=c`
for (const answers of [[INSIDE], [OUTSIDE, INSIDE], ['::ffff:127.0.0.2'], []]) {
  const got = [await status(named, [answers]), outside.seen.length, inside.seen.length]
  check(`a name for ${answers.join(' and ')} is not connected to`, got, [null, 0, 0])
}
check('a name that is rebound reaches what was checked', await status(named, [[OUTSIDE], [INSIDE]]), 200)
check('with its Host, once', outside.seen, [`hooks.example.com:${outside.port} /a?b=c`])
const redirected = await status(`http://hooks.example.com:${redirecting.port}/`, [[OUTSIDE]])
check('a redirect is an answer', [redirected, redirecting.seen.length, inside.seen.length], [307, 1, 0])

const secure = await listen(OUTSIDE, 0, ok, true)
check('TLS takes the name', await status(`https://hooks.example.com:${secure.port}/`, [[OUTSIDE]]), 200)
check(
  'TLS refuses another name',
  await status(`https://other.example.com:${secure.port}/`, [[OUTSIDE]]),
  null,
)
check('TLS has seen one request', secure.seen, [`hooks.example.com:${secure.port} /`])

for (const end of close) end()
process.stdout.write(JSON.stringify(report))
