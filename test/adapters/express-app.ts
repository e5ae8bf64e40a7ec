import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import express5, { type Express, type NextFunction, type Request, type Response } from 'express'
import { paid } from '../../adapters/express.ts'
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

/** Serves what `mount` adds to an app, for as long as `use` takes. */
export async function serve(
  express: typeof express5,
  mount: (app: Express) => unknown,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const app = express().set('env', 'test')
  mount(app)
  const { url, close } = await listen(app)
  await use(url).finally(close)
}

/** The Express adapter for the contract. */
export function expressAdapter(express: typeof express5): Adapter {
  return {
    ways: Object.keys(answers),
    failures: Object.keys(failures),
    serve(coffer, options, handler) {
      const app = express()
      app.set('env', 'test')
      app.use(paid(coffer, options), (req: Request, res: Response, next: NextFunction) => {
        const { payment, wallet } = req
        if (!payment || !wallet) throw new Error('no grant')
        handler({
          grant: { payment, wallet, session: null, vault: null },
          gone: once(res, 'close'),
          body: () => req,
        })
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
