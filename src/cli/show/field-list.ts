/** A member of something that is explained. */
export interface Field {
  readonly name: string
  /** As it stands there; secrets are shortened. */
  readonly value: string
  /** What it means, in a line; empty when the name says it. */
  readonly meaning: string
}

/** Longest name that a column is made as wide as: what a server invents may be longer. */
const MAX_WIDTH = 32

/** Writes fields in columns, the meaning beneath a value that is long. */
export function formatFields(fields: readonly Field[], indent = '  '): string {
  const width = Math.min(MAX_WIDTH, Math.max(0, ...fields.map(({ name }) => name.length)))
  return fields
    .map(({ name, value, meaning }) => {
      const head = `${indent}${printable(cut(name, 80)).padEnd(width)}  ${printable(value)}`
      if (meaning === '') return `${head}\n`
      const tail = printable(cut(meaning))
      const isLong = head.length + tail.length > 110
      return isLong ? `${head}\n${indent}${' '.repeat(width)}  - ${tail}\n` : `${head}  - ${tail}\n`
    })
    .join('')
}

/** Meanings of members, for names that somebody else has chosen: `toString` is none of ours. */
export function meaningsOf(table: Readonly<Record<string, string>>): (name: string) => string {
  return (name) => (Object.hasOwn(table, name) ? (table[name] ?? '') : '')
}

/** What a server writes may be anything: no control character of it reaches the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** A text that may be long, cut where people stop reading. */
export function cut(text: string, length = 200): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`
}

/** A secret, by which somebody who has it too can recognize it. */
export function shorten(secret: string): string {
  return secret.length <= 16 ? '…' : `${secret.slice(0, 8)}… (${secret.length} characters, secret)`
}

/** An instant for people: when, and how far away. */
export function showTime(instantMs: number, now = Date.now()): string {
  // Years beyond what dates can be are as good as never.
  const isDate = Math.abs(instantMs) < 8.64e15
  const when = showDistance(instantMs, now)
  return isDate ? `${new Date(instantMs).toISOString().replace('.000Z', 'Z')}, ${when}` : when
}

/** How far away an instant is, for people. */
export function showDistance(instantMs: number, now = Date.now()): string {
  if (Number.isNaN(instantMs)) return 'not a time'
  if (!(Math.abs(instantMs) < 8.64e15)) return 'never'
  return instantMs <= now ? `${span(now - instantMs)} ago` : `in ${span(instantMs - now)}`
}

/** {@link showTime} of epoch seconds, in whatever form somebody has written them. */
export function showSeconds(value: unknown, now = Date.now()): string {
  return showTime(
    typeof value === 'string' || typeof value === 'number' ? 1000 * Number(value) : Number.NaN,
    now,
  )
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}
