import type { RequestHandler } from 'express'
import { now } from '../process.ts'

/** What everybody sells. */
export const REPORT = { title: 'A report', pages: [{ number: 1, text: 'x'.repeat(200) }] }

/** A stream takes so many pieces. */
const PIECES = 10

export const report: RequestHandler = (_req, res) => void res.json(REPORT)

/** Writes when it writes, for as many milliseconds as `?ms=` says. The first piece goes out at once. */
export const stream: RequestHandler = async (req, res) => {
  const ms = Number(new URLSearchParams(req.url.split('?')[1]).get('ms'))
  res.setHeader('content-type', 'text/plain')
  for (let piece = 0; piece < PIECES; piece++) {
    res.write(`${now()}\n`)
    await new Promise((resolve) => setTimeout(resolve, ms / PIECES))
  }
  res.end()
}
