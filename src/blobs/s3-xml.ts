/** The little of XML that S3 needs. */

/** Contents of all elements of a name. S3 answers with one level of text in the elements that are asked for. */
export function elementsOf(xml: string, name: string): string[] {
  const pattern = new RegExp(`<${name}>([^<]*)</${name}>`, 'g')
  return [...xml.matchAll(pattern)].flatMap(([, content]) =>
    content === undefined ? [] : unescapeXml(content),
  )
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#34': '"',
}

function unescapeXml(text: string): string {
  return text.replace(/&(#?\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity)
}

/** Text as the content of an element. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
