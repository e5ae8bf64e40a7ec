import { type Field, formatFields, printable, shorten } from './field-list.ts'
import { formatRemarks, type Remark } from './remark.ts'

/** What a value of a protocol says, for people and programs. */
export interface Explanation {
  /** What it is: `PAYMENT-REQUIRED: what an x402 version 2 server asks for`. */
  readonly what: string
  readonly fields: readonly Field[]
  /** What it is made of, such as the offers of a challenge. */
  readonly parts: readonly Explanation[]
  readonly remarks: readonly Remark[]
}

/** An explanation of something that cannot be read. */
export function unreadable(what: string, ...remarks: readonly Remark[]): Explanation {
  return { what, fields: [], parts: [], remarks }
}

/** An explanation with some members shortened: those that are secrets where it stands. */
export function hiding(explanation: Explanation, isSecret: (name: string) => boolean): Explanation {
  const fields = explanation.fields.map((field) =>
    isSecret(field.name) ? { ...field, value: shorten(field.value) } : field,
  )
  return { ...explanation, fields }
}

/** All remarks on a value and its parts. */
export function remarksOf({ remarks, parts }: Explanation): readonly Remark[] {
  return [...remarks, ...parts.flatMap(remarksOf)]
}

/** Writes an explanation, its parts indented below it. */
export function formatExplanation({ what, fields, parts, remarks }: Explanation, indent = ''): string {
  const inner = `${indent}  `
  return [
    `${indent}${printable(what)}\n`,
    formatFields(fields, inner),
    formatRemarks(remarks, inner),
    ...parts.map((part) => formatExplanation(part, inner)),
  ].join('')
}
