import type { FirstBytesEffort, FirstBytesResult } from './first-bytes.ts'
import { goalCells } from './goals.ts'
import { digits, formatTable } from './report.ts'

/** Writes the section of paid streams. */
export function formatFirstBytes(
  results: readonly FirstBytesResult[],
  { rounds, streamMs }: FirstBytesEffort,
): string {
  return `## First byte of a paid stream

A handler of Express writes ten pieces within ${streamMs} ms, the first at once. Milliseconds until the client has it, from its writing (with the
slowest of ${rounds}) and from the request, which carries a credential that was made before; then until the stream has ended. Medians. Money moves
before the first piece on local chains, or after the last one with @x402/express. Ours may be 5 ms later than the unpaid one, from the
writing: a settlement is as slow as its chain.

${formatTable([HEADINGS, ...results.map(rowOf)], 1)}
`
}

const HEADINGS = ['who', 'from the write', 'slowest', 'from the request', 'to the end', 'target', 'reached']

function rowOf({ name, fromWrite, fromRequest, whole, goal }: FirstBytesResult): string[] {
  return [
    name,
    digits(fromWrite.median),
    digits(fromWrite.max),
    digits(fromRequest.median),
    digits(whole.median),
    ...goalCells(goal),
  ]
}
