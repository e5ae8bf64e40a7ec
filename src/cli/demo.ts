import { type Command, EXIT } from './command.ts'

/** `coffer demo`: all of it, in seconds, without funds, accounts or a network. */
export const demo: Command = {
  name: 'demo',
  summary: 'Shows a paid API and agents that pay it, on chains in this process: nothing is spent',
  usage: '',
  options: {},
  async run({ terminal }) {
    // Nobody else needs chains in memory.
    const { tellDemo } = await import('./demo/demo-story.ts')
    return (await tellDemo(terminal)) ? EXIT.ok : EXIT.failed
  },
}
