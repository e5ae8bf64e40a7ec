import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { postgresBus } from '../../src/stores/postgres-bus.ts'
import { busContract } from '../../src/testing/bus-contract.ts'
import { engine } from './engines.ts'
import { newName, openDatabases, openPg, servers, withParameters } from './postgres-databases.ts'
import './patience.ts'

const url = await engine('postgres')
const PATIENCE = { timeout: 60_000 }
const databases = await openDatabases(url)
afterAll(() => Promise.all(databases.map((database) => database.end())))

for (const { driver, client } of databases) {
  describe(`wake-ups through Postgres by ${driver}`, () => {
    busContract({ describe, it }, async () => {
      const options = { channel: newName() }
      return [postgresBus(client, options), postgresBus(client, options)]
    })

    it('are topics of one channel: others hear nothing', async () => {
      const [one, other] = [
        postgresBus(client, { channel: newName() }),
        postgresBus(client, { channel: newName() }),
      ]
      const heard: string[] = []
      await other.subscribe('a', () => heard.push('other'))
      const woken = new Promise<void>((resolve) => void one.subscribe('b', resolve))
      await one.subscribe('a', () => heard.push('one'))
      await one.publish('a')
      await one.publish('b')
      await woken
      expect(heard).toEqual(['one'])
      await Promise.all([one.close(), other.close()])
    })

    it('need a channel that is a plain name', () => {
      for (const channel of ['', 'Coffer', 'a b', 'a"', 'x'.repeat(64), '1']) {
        expect(() => postgresBus(client, { channel })).toThrow(
          expect.objectContaining({ code: 'invalid-option' }),
        )
      }
      const misspelt: object = { chanel: 'a' }
      expect(() => postgresBus(client, misspelt)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    })
  })
}

if (url !== null) {
  const server = openPg(url)
  afterAll(() => server.end())

  describe.each(Object.entries(servers))('the connection that %s listens on', (_, open) => {
    /** Ends the connections of a client from the server's side. */
    async function cut(name: string): Promise<number> {
      const ended = await server.run(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        name,
      )
      return ended.length
    }

    it('is opened again when it is lost, and then everybody is woken', async () => {
      const name = newName()
      const { client, end } = open(withParameters(url, { application_name: name }))
      const bus = postgresBus(client, { channel: name })
      const wakers = new Map<string, () => void>()
      const woken = (topic: string) => new Promise<void>((resolve) => wakers.set(topic, resolve))
      for (const topic of ['a', 'b']) await bus.subscribe(topic, () => wakers.get(topic)?.())
      for (let round = 0; round < 3; round++) {
        const everybody = Promise.all(['a', 'b'].map(woken))
        expect(await cut(name)).toBeGreaterThan(0)
        await everybody
        const again = woken('b')
        await server.run('SELECT pg_notify($1, $2)', name, 'b')
        await again
      }
      await bus.close()
      await end()
    })

    it('is asked for again by the next who subscribes, when it could not be opened', async () => {
      const relay = createServer((socket) => {
        const database = connect(Number(new URL(url).port), new URL(url).hostname)
        for (const end of [socket, database]) end.on('error', () => {})
        socket.pipe(database).pipe(socket)
      })
      await once(relay.listen(0, '127.0.0.1'), 'listening')
      const { port } = relay.address() as AddressInfo
      await once(relay.close(), 'close')
      const elsewhere = new URL(url)
      elsewhere.host = `127.0.0.1:${port}`
      const { client, end } = open(elsewhere.href)
      const bus = postgresBus(client, { channel: newName() })
      let marker = (): void => {}
      for (let tries = 0; tries < 3; tries++) {
        await expect(bus.subscribe('a', () => {})).rejects.toMatchObject({ code: 'store-failed' })
      }
      await expect(bus.publish('a')).rejects.toMatchObject({ code: 'store-failed' })
      await once(relay.listen(port, '127.0.0.1'), 'listening')
      // A driver may wait a moment before it tries to connect again.
      const succeeds = (call: () => Promise<unknown>) =>
        expect
          .poll(
            () =>
              call().then(
                () => true,
                () => false,
              ),
            PATIENCE,
          )
          .toBe(true)
      let wakeUps = 0
      await succeeds(() => bus.subscribe('a', () => wakeUps++))
      const marked = new Promise<void>((resolve) => {
        marker = resolve
      })
      await bus.subscribe('b', () => marker())
      await succeeds(() => bus.publish('a'))
      await succeeds(() => bus.publish('b'))
      await marked
      expect(wakeUps).toBe(1)
      await bus.close()
      await end()
      relay.close()
    })
  })
}
