import type { Entry, Range, Store } from './store.ts'

/** All entries of a range in key order, read page by page. What is written meanwhile may be among them or not. */
export async function* scan(store: Store, { start, end }: Range, pageSize = 100): AsyncGenerator<Entry> {
  for (let from = start; ; ) {
    const page = await store.list({ start: from, end }, { limit: pageSize })
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    from = `${last.key}\u0001`
  }
}
