import { invalidOption } from './error.ts'

/**
 * Refuses members that an options object does not have: a misspelt option must not be a silent default.
 *
 * @param names - Every option there is.
 * @param of - Whose options they are, for the error.
 * @throws CofferError `invalid-option` naming the first unknown one.
 */
export function refuseUnknownOptions(options: object, names: readonly string[], of: string): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) invalidOption(`${of}.${name}`, `one of ${names.join(', ')}`)
  }
}
