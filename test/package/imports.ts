import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Root of the package, with a slash at the end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** One import of a module, as its source says it. */
export interface Import {
  /** File that imports, relative to the root. */
  readonly from: string
  /** What it imports: a file relative to the root, or a package or builtin as written. */
  readonly to: string
  /** Whether the import is there when the program runs and before anything is called. */
  readonly when: 'at load' | 'on call' | 'never, types only'
}

/** Files that match a pattern, relative to the root, in order. */
export function filesOf(...patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: ROOT }).sort()
}

/** Text of a file of the package. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** All imports of a file, from its syntax tree. */
export function importsOf(file: string): readonly Import[] {
  const known = parsed.get(file)
  if (known) return known
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, when: Import['when']): void => {
    if (specifier && ts.isStringLiteralLike(specifier))
      found.push({ from: file, to: resolve(file, specifier.text), when })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, isTypes(node) ? 'never, types only' : 'at load')
    if (ts.isExportDeclaration(node))
      add(node.moduleSpecifier, isTypes(node) ? 'never, types only' : 'at load')
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, 'never, types only')
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], 'on call')
    ts.forEachChild(node, visit)
  }
  visit(sourceOf(file))
  parsed.set(file, found)
  return found
}

const parsed = new Map<string, readonly Import[]>()

/** Whether a file does nothing but export what other files hold. */
export function holdsExportsOnly(file: string): boolean {
  return sourceOf(file).statements.every(
    (each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined,
  )
}

/** Everything that is loaded with a file: files relative to the root, packages and builtins as written. */
export function loadedWith(file: string): Set<string> {
  const loaded = new Set([file])
  for (const each of loaded) {
    if (!isFile(each)) continue
    for (const { to, when } of importsOf(each)) if (when === 'at load') loaded.add(to)
  }
  return loaded
}

/** Whether the target of an import is a file of this package. */
export function isFile(target: string): boolean {
  return /^(?:src|adapters|dist|test|examples|bench)\//.test(target)
}

function sourceOf(file: string): ts.SourceFile {
  return ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest)
}

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier)) : specifier
}

/** TypeScript drops these from the program (`verbatimModuleSyntax`): `import type`, `export type`. */
function isTypes(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  return ts.isExportDeclaration(node)
    ? node.isTypeOnly
    : node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}
