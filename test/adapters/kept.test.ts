import { createServer, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { paid as paidExpress } from '../../adapters/express.ts'
import { paid as paidFetch } from '../../adapters/fetch.ts'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { createSeller } from '../gate/scripted.ts'

/** A handler that works until it is let go. */
function createWork() {
  const started = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  return { runs: 0, started, released }
}

type Work = ReturnType<typeof createWork>

const servers: Record<string, (seller: ReturnType<typeof createSeller>, work: Work) => RequestListener> = {
  express: ({ coffer }, work) =>
    express().get('/report', paidExpress(coffer, { price: '0.01' }), async (_request, response) => {
      work.runs++
      work.started.resolve()
      await work.released.promise
      response.json({ report: 'whole' })
    }),
  fetch: ({ coffer }, work) => {
    const handler = paidFetch(coffer, { price: '0.01' }, async () => {
      work.runs++
      work.started.resolve()
      await work.released.promise
      return Response.json({ report: 'whole' })
    })
    return async (request, response) => {
      const asking = toRequest(request, response)
      await sendResponse(asking instanceof Response ? asking : await handler(asking), response)
    }
  },
}

describe.each(Object.keys(servers))('on %s, a payer with an idempotency key who gives up waiting', (name) => {
  const open: (() => void)[] = []
  afterEach(() => {
    for (const close of open.splice(0)) close()
  })

  it('gets the answer when it comes back, from one run of the handler', async () => {
    const seller = createSeller()
    const work = createWork()
    const server = createServer(servers[name]?.(seller, work))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push(
      () => void server.closeAllConnections(),
      () => void server.close(),
    )
    const { port } = server.address() as { port: number }

    const socket = connect(port, '127.0.0.1')
    socket.write(
      `GET /report HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Scripted: a\r\nIdempotency-Key: key\r\n\r\n`,
    )
    await work.started.promise
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    work.released.resolve()

    const ask = () =>
      fetch(`http://127.0.0.1:${port}/report`, { headers: { 'x-scripted': 'a', 'idempotency-key': 'key' } })
    let answer = await ask()
    for (let tries = 0; answer.status === 409 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      answer = await ask()
    }
    expect(await answer.json()).toEqual({ report: 'whole' })
    expect(work.runs).toBe(1)
    expect(seller.script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })
})
