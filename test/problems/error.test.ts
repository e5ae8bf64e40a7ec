import { describe, expect, it } from 'vitest'
import { CofferError, invalidOption } from '../../src/problems/error.ts'
import { refuse } from '../../src/problems/refusal.ts'
import { granted, refusedError } from '../../src/problems/refused.ts'

describe('CofferError', () => {
  it('is an error with a code and a cause', () => {
    const cause = new Error('disk')
    const error = new CofferError('store-failed', 'could not write', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'CofferError',
      code: 'store-failed',
      message: 'could not write',
      cause,
      status: 500,
    })
  })

  it('of a refusal has its detail and the status of its reason', () => {
    const refusal = refuse('vault-sealed', 'The vault is sealed.')
    const error = refusedError(refusal)
    expect(error).toMatchObject({ code: 'refused', message: refusal.detail, refusal, status: 409 })
    expect(() => granted(refusal)).toThrow(error)
    expect(granted('a value')).toBe('a value')
  })
})

describe('invalidOption', () => {
  const messageFor = (got?: unknown): string => {
    try {
      return invalidOption('price', 'a decimal', got)
    } catch (error) {
      expect(error).toBeInstanceOf(CofferError)
      expect(error).toMatchObject({ code: 'invalid-option' })
      return String(error)
    }
  }

  it('names the option, what was expected and what came', () => {
    expect(messageFor('1,5')).toBe('CofferError: price: expected a decimal, got "1,5"')
    expect(messageFor(15)).toContain('got 15')
    expect(messageFor(15n)).toContain('got 15')
    expect(messageFor(null)).toContain('got null')
    expect(messageFor()).toBe('CofferError: price: expected a decimal')
  })

  it('shows nothing of an object, and survives those that refuse to be text', () => {
    expect(messageFor({ secret: 'hunter2' })).toContain('got an object')
    expect(messageFor(['hunter2'])).not.toContain('hunter2')
    expect(messageFor(() => 'hunter2')).toContain('got a function')
    expect(messageFor(Object.create(null))).toContain('got an object')
    expect(messageFor(Symbol('s'))).toContain('Symbol(s)')
  })
})
