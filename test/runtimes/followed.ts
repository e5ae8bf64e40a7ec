/** A seller whose vaults are followed, on whatever runtime loads it. What a test asks for stands in the path. */
import { createCoffer } from '../../src/index.ts'
import { memory, memoryBlobs, memoryBus, type Store } from '../../src/memory.ts'
import { createScript, scripted } from '../gate/scripted-protocol.ts'

/** What a test may ask for. */
export interface State {
  /** Who waits to be woken. */
  readonly listeners: number
  /** Entries of the store that were listed: events that were read. */
  readonly listed: number
  readonly failures: readonly string[]
}

const state = { listeners: 0, listed: 0, failures: [] as string[] } satisfies State

const store = memory()
const counting: Store = {
  ...store,
  async list(range, page) {
    const entries = await store.list(range, page)
    state.listed += entries.length
    return entries
  },
}
const bus = memoryBus()

const coffer = createCoffer({
  secret: 'a secret of at least thirty-two bytes',
  wallets: { main: { address: `0x${'2'.repeat(40)}` } },
  protocols: [scripted(createScript())],
  store: counting,
  vaults: {
    blobs: memoryBlobs(),
    bus: {
      ...bus,
      async subscribe(topic, wake) {
        const unsubscribe = await bus.subscribe(topic, wake)
        state.listeners++
        return () => {
          state.listeners--
          unsubscribe()
        }
      },
    },
  },
  onError: (error) => state.failures.push(String(error)),
})

/** Answers everything: the API, and what tests ask for. */
export async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const vault = coffer.vaults?.open(searchParams.get('vault') ?? '')
  switch (pathname) {
    case '/hello':
      return new Response('hello')
    case '/state':
      return Response.json(state)
    case '/new': {
      const made = await coffer.vaults?.create()
      return Response.json({ id: made?.id, token: (await made?.issueAccessToken())?.token })
    }
    case '/emit': {
      const payload = 'x'.repeat(Number(searchParams.get('size')))
      for (let n = Number(searchParams.get('count')); n > 0; n--) await vault?.emit('step', payload)
      return new Response('emitted')
    }
    case '/seal':
      await vault?.seal()
      return new Response('sealed')
    default:
      return coffer.fetch(request)
  }
}

/** Lets streams beat twenty times as fast. */
export function hurry(): void {
  const { setInterval: setReal } = globalThis
  globalThis.setInterval = ((work: () => void, ms: number) => setReal(work, ms / 20)) as typeof setInterval
}
