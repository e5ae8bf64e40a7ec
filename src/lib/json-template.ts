import type { JsonObject } from './json.ts'

/**
 * Prepares JSON of which a few texts differ from one time to the next: it is written once, and then only those texts are.
 *
 * @param names - What the differing texts are called.
 * @param build - Makes the value; each of the texts that it is given must stand in it as a whole member or item.
 * @returns Writes the JSON with these texts.
 */
export function jsonTemplate<Name extends string>(
  names: readonly Name[],
  build: (holes: Readonly<Record<Name, string>>) => JsonObject,
): (texts: Readonly<Record<Name, string>>) => string {
  // U+0000 stands in no other text: what sellers and their chains are called is checked for it.
  const holes = Object.fromEntries(names.map((name) => [name, `\0${name}\0`])) as Record<Name, string>
  const parts = JSON.stringify(build(holes)).split(/"\\u0000(\w+)\\u0000"/)
  return (texts) => {
    let json = ''
    for (const [at, part] of parts.entries())
      json += at % 2 === 0 ? part : JSON.stringify(texts[part as Name])
    return json
  }
}
