/** Prints a row of columns, padded to the widths of the heading. */
export function printRow(cells: readonly string[]): void {
  console.log(
    cells
      .map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const HEADING = ['client', 'route', 'USD', 'payer', 'seller', 'block', 'ms', 'transaction']
const WIDTHS = [22, 12, 5, 20, 14, 6, 4, 66]

/** Prints the heading of the table of payments. */
export function printHeading(): void {
  printRow(HEADING)
  printRow(HEADING.map((_, at) => '-'.repeat(WIDTHS[at] ?? 0)))
}

/** Base units of a six-decimal token as dollars. */
export function dollars(amount: bigint): string {
  return (Number(amount) / 1e6).toFixed(2)
}
