import { once } from 'node:events'
import { readFile } from 'node:fs'
import { createRequire } from 'node:module'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { fileURLToPath } from 'node:url'
import express5, { type Express, type NextFunction, type Response } from 'express'
import { paid } from '../../adapters/express.ts'
import type { Grant } from '../../src/index.ts'
import type { Adapter, Reply } from './adapter.ts'
import { listen } from './server.ts'

/** Express 4 has no types of its own here; what these tests use is the same in both. */
const express4: typeof express5 = createRequire(import.meta.url)('express4')

/** The major versions that the adapter is for. */
export const versions: readonly (readonly [name: string, express: typeof express5])[] = [
  ['Express 5', express5],
  ['Express 4', express4],
]

/** A file that holds `hello`. */
export const HELLO = fileURLToPath(new URL('hello.txt', import.meta.url))

type Answer = (res: Response, next: NextFunction) => unknown

/** Every way of answering `hello` that Express and Node have. */
export const answers: Readonly<Record<string, Answer>> = {
  'res.send()': (res) => res.send('hello'),
  'res.send() of bytes': (res) => res.send(Buffer.from('hello')),
  'res.json()': (res) => res.json('hello'),
  'res.jsonp()': (res) => res.jsonp('hello'),
  'res.sendStatus(204)': (res) => res.sendStatus(204),
  'res.status(304).end()': (res) => res.status(304).end(),
  'res.redirect()': (res) => res.redirect('/elsewhere'),
  'res.sendFile()': (res) => res.sendFile(HELLO),
  'res.download()': (res) => res.download(HELLO),
  'res.end() with text': (res) => res.end('hello'),
  'res.end() with an encoding': (res) => res.end('68656c6c6f', 'hex'),
  'res.end() with bytes and a callback': (res) => res.end(Buffer.from('hello'), () => {}),
  'res.end() with a callback': (res) => res.end(() => {}),
  'res.end() with nothing': (res) => res.end(),
  'res.write(), res.end()': (res) => {
    res.write('hel')
    res.write('lo')
    res.end()
  },
  'res.writeHead(), res.end()': (res) => res.writeHead(200, { 'content-type': 'text/plain' }).end('hello'),
  'res.writeHead() with raw fields': (res) =>
    res.writeHead(200, 'Fine', ['x-own', '1', 'x-own', '2']).end('hello'),
  'res.flushHeaders(), res.end()': (res) => {
    res.flushHeaders()
    res.end('hello')
  },
  'stream.pipe(res)': (res) => Readable.from(['hel', 'lo']).pipe(res),
  'pipeline(stream, res)': (res) => pipeline(Readable.from(['hel', 'lo']), res),
  'res.end() later': (res) => setImmediate(() => res.end('hello')),
  'res.write() with a callback': (res) => res.write('hel', () => res.end('lo')),
  'res.cork(), res.uncork()': (res) => {
    res.cork()
    res.write('hel')
    res.write('lo')
    res.uncork()
    res.end()
  },
  'res.writeEarlyHints()': (res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' })
    res.end('hello')
  },
  'res.format()': (res) => res.format({ text: () => res.send('hello') }),
  'res.attachment().send()': (res) => res.attachment('hello.txt').send('hello'),
  'res.render()': (res) => res.render(HELLO),
  'Readable.fromWeb(stream).pipe(res)': (res) =>
    Readable.fromWeb(new Blob(['hello']).stream() as ReadableStream).pipe(res),
  'stream.pipeTo(Writable.toWeb(res))': (res) => new Blob(['hello']).stream().pipeTo(Writable.toWeb(res)),
}

/**
 * Every way of failing. Express 4 does not look at what a handler returns, so a rejection has to be passed on
 * there.
 */
export const failures: Readonly<Record<string, Answer>> = {
  'res.writeHead(500)': (res) => res.writeHead(500).end('no'),
  'res.status(500).json()': (res) => res.status(500).json({}),
  'res.sendStatus(404)': (res) => res.sendStatus(404),
  'res.sendFile() of no file': (res) => res.sendFile(`${HELLO}.not`),
  throw: () => {
    throw new Error('the handler failed')
  },
  'next(error)': (_, next) => next(new Error('the handler failed')),
  'next(error) with a status': (_, next) => next(Object.assign(new Error('no'), { status: 418 })),
  'next() to nowhere': (_, next) => next(),
  'res.end() of what cannot be sent': (res) => Reflect.apply(res.end, res, [5]),
}

/** An app whose errors are quiet, and whose views are what stands in their files. */
function createApp(express: typeof express5): Express {
  const app = express().set('env', 'test').set('view engine', 'txt')
  return app.engine('txt', (path, _options, done) => readFile(path, 'utf8', done))
}

/** Serves what `mount` adds to an app, for as long as `use` takes. */
export async function serve(
  express: typeof express5,
  mount: (app: Express) => unknown,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const app = createApp(express)
  mount(app)
  const { url, close } = await listen(app)
  await use(url).finally(close)
}

/** The Express adapter for the contract. */
export function expressAdapter(express: typeof express5): Adapter {
  return {
    ways: Object.keys(answers),
    failures: Object.keys(failures),
    serve({ coffer }, route, handler) {
      const app = createApp(express)
      app.use(paid(coffer, route), (req, res, next) => {
        const { payment, wallet, vault, session } = res.locals as Grant
        handler({ grant: { payment, wallet, vault, session }, gone: once(res, 'close'), body: () => req })
          .then((reply) => answer(reply, res, next))
          .catch(next)
      })
      return listen(app)
    },
  }
}

function answer(
  { way, status = 200, headers = [], body = '' }: Reply,
  res: Response,
  next: NextFunction,
): void {
  if (way !== undefined) return void (answers[way] ?? failures[way])?.(res, next)
  res.status(status)
  for (const [name, value] of headers) res.append(name, value)
  if (typeof body === 'string') res.end(body)
  else pipeline(Readable.from(body), res).catch(() => {})
}
