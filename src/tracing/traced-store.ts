import type { Store } from '../stores/store.ts'
import type { Trace } from './tracer.ts'

/** A store whose calls are traced. Of keys only the first part is told: what is kept there, never which. */
export function traceStore(store: Store, trace: Trace): Store {
  return {
    get: (key) =>
      trace({ name: 'store.get', attributes: { collection: collectionOf(key) } }, () => store.get(key)),
    list: (range, page) =>
      trace({ name: 'store.list', attributes: { collection: collectionOf(range.start) } }, () =>
        store.list(range, page),
      ),
    commit(writes) {
      const attributes = { collection: collectionOf(writes[0]?.key ?? ''), rows: writes.length }
      return trace({ name: 'store.commit', attributes }, async (span) => {
        const version = await store.commit(writes)
        span.set({ held: version !== null })
        return version
      })
    },
    close: () => store.close(),
  }
}

function collectionOf(key: string): string {
  return key.split('/', 1)[0] ?? key
}
