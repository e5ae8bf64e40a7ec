/** Serves {@link answer} on Bun or Deno, and prints where. With `HURRY` in the environment, streams beat faster. */
import { answer, hurry } from './followed.ts'

/** What of the runtimes is used here. */
interface Globals {
  readonly Bun?: { serve(options: object): { readonly url: URL } }
  readonly Deno?: { serve(options: object, handler: typeof answer): unknown }
}

const { Bun, Deno } = globalThis as unknown as Globals
const place = { hostname: '127.0.0.1', port: 0 }

if (process.env['HURRY']) hurry()
if (Bun) console.log(Bun.serve({ ...place, fetch: answer }).url.origin)
Deno?.serve(
  { ...place, onListen: ({ port }: { port: number }) => console.log(`http://127.0.0.1:${port}`) },
  answer,
)
