/** Bytes from `start` to `end`, both included, counted from 0. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** One range of a `bytes` specifier (RFC 9110 section 14.1.2): `5-`, `5-9` or, counted from the end, `-5`. */
const RANGE = /^[ \t]*(\d*)-(\d*)[ \t]*$/

/**
 * Reads a `Range` field for a representation of so many bytes (RFC 9110 section 14.2).
 *
 * @returns The range; `null` for all of it, which is also what several ranges and units other than bytes get;
 * `unsatisfiable` for what begins beyond the end, and for what is no range.
 */
export function parseByteRange(field: string, size: number): ByteRange | null | 'unsatisfiable' {
  const [, unit = '', set = ''] = /^([^=]*)=(.*)$/s.exec(field) ?? []
  if (unit.trim().toLowerCase() !== 'bytes' || set.includes(',')) return null
  const [, first = '', last = ''] = RANGE.exec(set) ?? []
  if (first === '') {
    const start = last === '' ? size : Math.max(0, size - Number(last))
    return start < size ? { start, end: size - 1 } : 'unsatisfiable'
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  // What ends before it begins is invalid, and may be refused like what is beyond the end (section 15.5.17).
  return start <= end ? { start, end } : 'unsatisfiable'
}
