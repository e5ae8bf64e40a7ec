import { expect, it } from 'vitest'
import { expectNoSecrets, runProcess } from './process.ts'

it('coffer demo shows all of it, and ends by itself', async () => {
  const started = performance.now()
  const ended = await runProcess(['demo'])
  expect(performance.now() - started).toBeLessThan(30_000)
  expectNoSecrets(ended)
  expect(ended).toMatchObject({ code: 0, err: '' })
  for (const text of [
    '402 Payment Required',
    'MPP evm          200 {"report":3}  0.01 USDC      9.99   +0.01   matches',
    'MPP tempo        200 {"report":4}  0.01 pathUSD   9.99   +0.01   matches',
    'event  vault.sealed',
    'three requests, 0.05 paid, 1 vault',
    '409 duplicate-payment',
    'All of it was checked against the balances.',
  ])
    expect(ended.out).toContain(text)
})
