import fc from 'fast-check'
import { LEASE_MS, RESULT_MS } from './limits.ts'
import type { Weather } from './scripted-chain.ts'
import { type Asking, paths, type World } from './world.ts'

/** One thing that happens. What must always hold is checked after each. */
type Command = fc.AsyncCommand<object, World>

/** What happens in a run: a few things often find more than all things seldom. */
interface Scope {
  readonly credentials: readonly string[]
  readonly paths: readonly Asking['path'][]
  readonly keys: readonly (string | null)[]
  readonly endings: readonly Asking['ending'][]
  readonly weathers: readonly Weather[]
  readonly happenings: readonly (keyof typeof happenings)[]
}

function command(name: string, run: (world: World) => void | Promise<void>): Command {
  return {
    check: () => true,
    async run(_model, world) {
      await run(world)
      await world.witness.check()
    },
    toString: () => name,
  }
}

const process = fc.nat({ max: 1 })
/** Which of the calls that wait. */
const call = fc.nat({ max: 30 })

const ask = ({ credentials, paths, keys, endings }: Scope) =>
  fc
    .record({
      process,
      credential: fc.constantFrom(...credentials),
      path: fc.constantFrom(...paths),
      key: fc.constantFrom(...keys),
      ending: fc.constantFrom(...endings),
    })
    .map(({ process, ...asking }) => {
      const { credential, path, key, ending } = asking
      const name = `${credential} asks ${process} for ${path} with ${key}: ${ending}`
      return command(name, (world) => world.ask(process, asking))
    })

const step = fc
  .tuple(call, fc.integer({ min: 1, max: 8 }))
  .map(([at, times]) => command(`step ${at} x${times}`, (world) => world.step(at, times)))

const drain = fc.constant(command('drain', (world) => world.drain()))

const tick = process.map((process) => command(`tick ${process}`, (world) => world.tick(process)))

/** Times between which something changes: a lease, a key, a first look at a payment in doubt; and just before. */
const advance = fc
  .constantFrom(1, 2000, LEASE_MS - 2000, LEASE_MS - 1, LEASE_MS, RESULT_MS, 300_000)
  .map((ms) => command(`advance ${ms}`, ({ advance }) => advance(ms)))

const weather = ({ weathers }: Scope) =>
  fc
    .constantFrom('fair' as const, ...weathers)
    .map((weather) => command(weather, ({ chain }) => void Object.assign(chain, { weather })))

const effect = (takesEffect: boolean): string => (takesEffect ? 'done' : 'not done')

/** What need not happen in a run. */
const happenings = {
  stall: call.map((at) => command(`stall ${at}`, (world) => world.stall(at))),
  wake: fc.constant(command('wake', (world) => world.wake())),
  land: fc.constant(command('land', ({ chain }) => chain.land())),
  reorganise: fc.constant(command('reorganise', ({ chain }) => chain.reorganise())),
  blind: fc
    .boolean()
    .map((isReadable) =>
      command(`readable: ${isReadable}`, ({ chain }) => void Object.assign(chain, { isReadable })),
    ),
  crash: fc
    .tuple(call, fc.boolean())
    .map(([at, done]) => command(`crash ${at}, ${effect(done)}`, (world) => world.crash(at, done))),
  fail: fc
    .tuple(call, fc.boolean())
    .map(([at, done]) => command(`fail ${at}, ${effect(done)}`, (world) => world.fail(at, done))),
}

const scope: fc.Arbitrary<Scope> = fc.record({
  // Two payers, and two texts of one authorization.
  credentials: fc.subarray(['ann-1', 'ann-1~', 'ann-2', 'ann-3', 'bob-1'], { minLength: 1, maxLength: 3 }),
  paths: fc.subarray([...paths], { minLength: 1, maxLength: 2 }),
  keys: fc.subarray([null, 'key', 'other'], { minLength: 1, maxLength: 2 }),
  endings: fc
    .subarray<Asking['ending']>(['refuse', 'fail', 'throw', 'hang'], { maxLength: 2 })
    .map((endings) => ['answer', 'answer', ...endings]),
  weathers: fc.subarray<Weather>(['lost', 'broken', 'late', 'never', 'unsent', 'poor', 'cancelled'], {
    maxLength: 3,
  }),
  happenings: fc.subarray(Object.keys(happenings) as (keyof typeof happenings)[], { maxLength: 3 }),
})

/** Whatever can happen, in proportions that let payments get somewhere. */
export const commands = scope.chain((scope) => {
  const proportions: readonly [number, fc.Arbitrary<Command>][] = [
    [4, ask(scope)],
    [4, step],
    [2, drain],
    [1, tick],
    [2, advance],
    [2, weather(scope)],
    ...scope.happenings.map((name) => [1, happenings[name]] as [number, fc.Arbitrary<Command>]),
  ]
  const weighted = proportions.flatMap(([count, arbitrary]) => Array<typeof arbitrary>(count).fill(arbitrary))
  return fc.commands(weighted, { maxCommands: 40, size: 'max' })
})
