import { invalidOption } from '../problems/error.ts'

/** Checks of single options: each returns the value, or throws CofferError `invalid-option` with the option's name. */

/** Seconds in a day. */
export const DAY = 86_400

export const seconds = (option: string, value: number, min: number, max: number): number =>
  value >= min && value <= max ? value : invalidOption(option, `seconds from ${min} to ${max}`, value)

export const whole = (option: string, value: number, min: number, max: number): number =>
  Number.isInteger(value) && value >= min && value <= max
    ? value
    : invalidOption(option, `a whole number from ${min} to ${max}`, value)

export const oneOf = <Value extends string>(option: string, value: Value, values: readonly Value[]): Value =>
  values.includes(value) ? value : invalidOption(option, `one of ${values.join(', ')}`, value)

export const printable = (option: string, text: string): string =>
  /^[\x20-\x7e]+$/.test(text) ? text : invalidOption(option, 'printable ASCII text', text)
