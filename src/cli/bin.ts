#!/usr/bin/env node
import { runCli } from './cli.ts'
import { EXIT } from './command.ts'
import { createTerminal } from './terminal.ts'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stopping.abort(new Error('interrupted')))

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read it has seen enough, such as `head`: that is no failure. What was paid is written down already.
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  process.stderr.write(`coffer: ${error.message}\n`)
  process.exit(EXIT.failed)
})
process.stderr.on('error', () => {})

process.exitCode = await runCli(process.argv.slice(2), createTerminal(stopping))
