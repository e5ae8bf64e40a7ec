import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTelemetry, type Telemetry } from '../tracing/telemetry.ts'
import { type Story, tellStory } from './canary-story.ts'

describe.each(['wallet', 'facilitator'] as const)('of a seller who settles with a %s', (settlesWith) => {
  let telemetry: Telemetry
  let story: Story
  beforeAll(async () => {
    telemetry = createTelemetry()
    story = await tellStory(telemetry, settlesWith)
  }, 120_000)
  afterAll(() => telemetry?.stop())

  /** Secrets that stand in a text, by name. */
  const foundIn = (text: string): string[] =>
    [...story.secrets].filter(([, secret]) => text.includes(secret)).map(([what]) => what)

  it('the story tells all that can happen but a chain that takes blocks back', () => {
    expect([...story.types].sort()).toEqual([
      'job.dead',
      'payment.abandoned',
      'payment.delivered',
      'payment.failed',
      'payment.owed',
      'payment.received',
      'payment.replayed',
      'payment.resumed',
      'payment.settled',
      'payment.unknown',
      'request.refused',
      'session.created',
      'session.revoked',
      'vault.created',
      'vault.deleted',
      'vault.expired',
      'vault.expiring',
      'vault.extended',
      'vault.persisted',
      'vault.sealed',
      'webhook.dead',
      'webhook.delivered',
      'webhook.failed',
    ])
  })

  it('a secret would be found', () => {
    expect(story.secrets.size).toBeGreaterThan(80)
    expect(foundIn(`{"secret":"${[...story.secrets.values()].join(' ')}"}`)).toEqual([
      ...story.secrets.keys(),
    ])
  })

  it('no secret stands in a hook, a log line, or what onError is told', () => {
    const { hooks, logs, errors } = story.heard
    expect(hooks.length).toBeGreaterThan(100)
    expect(logs.length).toBe(hooks.length + errors.length)
    expect(foundIn([...hooks, ...logs, ...errors].join('\n'))).toEqual([])
  })

  it('no secret stands in a problem; what the payer itself asked for may', () => {
    expect(story.heard.problems.length).toBeGreaterThan(50)
    expect(foundIn(story.heard.problems.join('\n')).filter((what) => what !== 'token in a query')).toEqual([])
  })

  it('no secret stands in a span or a metric', async () => {
    const dump = await telemetry.dump()
    expect(dump.length).toBeGreaterThan(10_000)
    expect(foundIn(dump)).toEqual([])
  })
})
