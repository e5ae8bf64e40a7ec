import { expect, it } from 'vitest'
import { groups } from '../../bench/groups.ts'
import type { Load, Loaded } from '../../bench/http-load.ts'
import { openProcesses } from '../../bench/process.ts'
import { listen } from '../adapters/server.ts'

it.each(groups)('$name is measured and reported', { timeout: 120_000 }, async (group) => {
  const { text, goals } = await group.run('once')
  expect(text).toMatch(/^## [^\n]+\n\n[\s\S]+\n\| -+/)
  expect(text).not.toContain('NaN')
  for (const goal of goals) expect(goal.got).not.toBeNaN()
  // Whoever is paid serves, on any machine.
  expect(goals.filter(({ unit, got }) => unit === ' failed' && got > 0)).toEqual([])
})

it('answers that are not as they have to be are counted', async () => {
  let count = 0
  const server = await listen((_req, res) => {
    count++
    res.writeHead(count % 2 === 0 ? 402 : 200, { 'payment-required': 'x' }).end()
  })
  const processes = openProcesses()
  try {
    const load = await processes.start('http-load.ts')
    const ask = (fields: string[]): Promise<Loaded> => {
      const expect = { status: 402, fields }
      return load.ask({ url: server.url, headers: {}, connections: 2, seconds: 0.1, expect } satisfies Load)
    }
    const half = await ask(['payment-required'])
    expect(half.answers).toBeGreaterThan(10)
    expect(half.wrong / half.answers).toBeCloseTo(0.5, 1)
    const none = await ask(['payment-required', 'www-authenticate'])
    expect(none.wrong).toBe(none.answers)
  } finally {
    processes.stop()
    await server.close()
  }
})

it('a process that ends before its answer is an error', async () => {
  const processes = openProcesses()
  const process = await processes.start('footprint-process.ts')
  await expect(process.ask('anything')).rejects.toThrow('footprint-process.ts has ended')
  processes.stop()
})
