/** A shop in a process of its own: `node shop-process.ts <ShopSetup as JSON>`. Asked anything, it says what it has used of the processor. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { answerParent } from './process.ts'
import { REPORT, report, stream } from './shops/goods.ts'
import type { Gates, OpenShop, ShopSetup } from './shops/shop.ts'

const setup: ShopSetup = JSON.parse(process.argv[2] ?? '')
// Nobody carries what the others load.
const { openGates } = await import(`./shops/${setup.who}.ts`)
const gates: Gates = await openGates(setup)
const open: Readonly<Record<ShopSetup['server'], () => RequestListener>> = {
  express: () => express().get('/report', gates.express(), report).get('/stream', gates.express(), stream),
  hono() {
    const app = new Hono().get('/report', gates.hono(), (c) => c.json(REPORT))
    return getRequestListener(app.fetch)
  },
  node() {
    if (!gates.node) throw new Error(`${setup.who} needs a framework`)
    return gates.node((_req, res) => {
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify(REPORT))
    })
  },
}

const server = createServer(open[setup.server]())
// A busy machine may need more than the default of 5 s between two requests of one connection.
server.keepAliveTimeout = 120_000
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo
answerParent({ url: `http://127.0.0.1:${port}`, session: gates.session ?? null } satisfies OpenShop, () => {
  const { user, system } = process.cpuUsage()
  return user + system
})
