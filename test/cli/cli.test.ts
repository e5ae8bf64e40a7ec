import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { run } from './terminal.ts'

describe('the command line', () => {
  it('lists its commands, and says of each how it is called', async () => {
    const { code, out } = await run(['help'])
    expect(code).toBe(0)
    for (const { name, summary, usage, options } of commands) {
      expect(out).toContain(`  ${name}`)
      const help = await run([name, '--help'])
      expect(help.code).toBe(0)
      expect(help.out).toContain(`${summary}\n\nusage: coffer ${name} ${usage}`)
      for (const option of Object.keys(options)) expect(help.out).toContain(`--${option}`)
    }
  })

  it.each([[[]], [['nonsense']], [['doctor', '--nonsense']], [['migrate']]])(
    'ends with 2 for %j, and does nothing',
    async (args) => expect((await run(args)).code).toBe(2),
  )

  it('runs from a shell, with its exit code', async () => {
    const bin = join(import.meta.dirname, '../../src/cli/bin.ts')
    const { stdout } = await promisify(execFile)('node', [bin, 'help'])
    expect(stdout).toContain('usage: coffer')
    await expect(promisify(execFile)('node', [bin, 'nonsense'])).rejects.toMatchObject({
      code: 2,
      stdout: '',
    })
  })
})
