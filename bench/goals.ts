/** A figure, and what it should come to. */
export interface Goal {
  /** What it is a figure of. */
  readonly name: string
  readonly got: number
  readonly least?: number
  readonly most?: number
  /** What follows the numbers, such as ` ms`. */
  readonly unit: string
  /** Whether it means the same on every machine: a ratio, or a count. Times do not. */
  readonly isPortable: boolean
}

/** Whether the figure is what it should be. */
export function isReached(goal: Goal): boolean {
  return isWithin(goal, 1)
}

/** Whether the figure is so bad that no noise explains it: half of the target, on whatever machine. */
export function isFarOff(goal: Goal): boolean {
  return goal.isPortable && !isWithin(goal, 2)
}

/** The last two columns of a table: the target, and whether it was reached. Empty where there is none. */
export function goalCells(goal: Goal | null): [target: string, reached: string] {
  return goal === null ? ['', ''] : [formatGoal(goal), isReached(goal) ? 'yes' : 'NO']
}

/** What the goals of a run came to, one line each for those that were missed. */
export function formatGoals(goals: readonly Goal[]): string {
  const missed = goals.filter((goal) => !isReached(goal))
  const lines = missed.map(
    (goal) =>
      `- ${goal.name}: ${round(goal.got)}${goal.unit}, target ${formatGoal(goal)}${isFarOff(goal) ? ' (FAR OFF)' : ''}`,
  )
  return [`${goals.length - missed.length} of ${goals.length} targets reached.`, ...lines].join('\n')
}

/** @param slack - How many times as bad will do, too. */
function isWithin(
  { got, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Goal,
  slack: number,
) {
  return got >= least / slack && got <= most * slack
}

/** Writes what the figure should come to. */
export function formatGoal({ least, most, unit }: Goal): string {
  return least === undefined ? `<= ${most}${unit}` : `>= ${least}${unit}`
}

const round = (value: number): string => String(Number(value.toPrecision(3)))
