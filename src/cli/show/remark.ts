import { printable } from './field-list.ts'
import { REMARKS, type RemarkCode } from './remark-catalog.ts'

/** Something that whoever runs a server, or wrote a value, should know. */
export interface Remark {
  readonly severity: (typeof REMARKS)[RemarkCode]
  readonly code: RemarkCode
  /** What is so, in a sentence. */
  readonly says: string
  /** What to do about it, in a sentence; empty when there is nothing to do. */
  readonly advice: string
}

/** A remark. */
export function remark(code: RemarkCode, says: string, advice = ''): Remark {
  return { severity: REMARKS[code], code, says, advice }
}

/** Whether something is wrong, and not just worth knowing. */
export function hasError(remarks: readonly Remark[]): boolean {
  return remarks.some(({ severity }) => severity === 'error')
}

const ORDER: readonly Remark['severity'][] = ['error', 'warning', 'note']

/** Writes remarks, the gravest first, each once. */
export function formatRemarks(remarks: readonly Remark[], indent = ''): string {
  const lines = ORDER.flatMap((severity) => remarks.filter((each) => each.severity === severity)).map(
    ({ severity, code, says, advice }) => {
      const first = `${indent}${severity.padEnd(7)}  ${printable(says)} [${code}]\n`
      return advice === '' ? first : `${first}${indent}${' '.repeat(7)}  ${printable(advice)}\n`
    },
  )
  return [...new Set(lines)].join('')
}
