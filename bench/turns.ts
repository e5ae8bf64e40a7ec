/** Gives everybody a turn in each round. The order alternates, so that what drifts hits all of them. */
export async function takeTurns<Entry>(
  entries: readonly Entry[],
  rounds: number,
  turn: (entry: Entry) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) await turn(entry)
  }
}
