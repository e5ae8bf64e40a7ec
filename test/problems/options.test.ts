import { expect, test } from 'vitest'
import { refuseUnknownOptions } from '../../src/problems/options.ts'

test('known options pass, an unknown one is named with those there are', () => {
  expect(() => refuseUnknownOptions({ a: 1 }, ['a', 'b'], 'thing')).not.toThrow()
  expect(() => refuseUnknownOptions({ a: 1, c: 2 }, ['a', 'b'], 'thing')).toThrow(
    'thing.c: expected one of a, b',
  )
})
