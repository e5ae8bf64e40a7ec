import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
    for (const name of ['--version', '-V', 'version'])
      expect(await run([name])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it.each([
    [['inspct'], 'Did you mean inspect?'],
    [['pay', '--heade', 'x'], 'Did you mean --header?'],
    [['explain', '--jsn'], 'Did you mean --json?'],
    [['pay', '-Q'], 'there is no option -Q'],
  ])('names what may have been meant by %j', async (args, hint) => {
    const { code, err } = await run(args)
    expect([code, err]).toEqual([2, expect.stringContaining(hint)])
  })

  it('suggests nothing for what is like nothing', async () => {
    const { err } = await run(['zzzzzzzz'])
    expect(err).not.toContain('Did you mean')
  })

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
