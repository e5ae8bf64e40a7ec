/**
 * Writes a page for each problem, from the catalog and the tables of `docs/problems.md`: for `problemBase`, so that the `type`
 * of a problem can be opened. Run it when either has changed: `node scripts/problem-pages.ts`.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type CatalogRow, catalog } from '../src/problems/catalog.ts'

const FOLDER = fileURLToPath(new URL('../docs/problems/', import.meta.url))
const TABLES = fileURLToPath(new URL('../docs/problems.md', import.meta.url))

/** Text of each page, by the slug of the problem. */
export function problemPages(): ReadonlyMap<string, string> {
  const rows: readonly CatalogRow[] = Object.values(catalog)
  const titles = new Map(rows.map(({ slug, title }) => [slug, title]))
  const tables = readFileSync(TABLES, 'utf8')
  const found = [
    ...tables.matchAll(/^\| `([a-z-]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm),
  ]
  return new Map(
    found.map(([, slug = '', ...cells]) => {
      const [type = '', status, when, again, moved, then] = cells.map((cell) => cell.trim())
      const ietf = type === '' ? '' : `, of the Payment scheme: ${type}`
      return [
        slug,
        `# ${titles.get(slug)}

\`${slug}\`, status ${status}${ietf}

**When:** ${when}.

**Can the same request succeed when it is sent again?** ${capital(again)}.

**Did money move for its credential?** ${capital(moved)}.

**What the client does:** ${then}.

Members of the problem, and all others: [problems](../problems.md).
`,
      ]
    }),
  )
}

const capital = (text = ''): string => text.slice(0, 1).toUpperCase() + text.slice(1)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER)
  for (const [slug, text] of problemPages()) writeFileSync(`${FOLDER}${slug}.md`, text)
}
