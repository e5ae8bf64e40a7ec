import { describe, expect, it } from 'vitest'
import { filesOf, holdsExportsOnly, type Import, importsOf, isFile, loadedWith, textOf } from './imports.ts'

/** Who may import whom: a part imports its own files and parts of lower ranks. */
const RANKS: Readonly<Record<string, number>> = {
  'src/lib': 0,
  'src/problems': 1,
  'src/payments': 2,
  'src/stores': 3,
  'src/blobs': 3,
  'src/evm': 3,
  'src/protocols': 4,
  'src/hooks': 4,
  'src/sessions': 5,
  'src/settlement': 5,
  'src/vaults': 6,
  'src/webhooks': 6,
  'src/tracing': 5,
  'src/api': 7,
  'src/client': 7,
  'src/gate': 8,
  'src/testing': 8,
  src: 9,
  'src/mcp': 10,
  'src/cli': 11,
  adapters: 10,
}

/** What ranks allow and we do not. */
const BANS: readonly (readonly [from: RegExp, to: RegExp, why: string])[] = [
  [/^src\/protocols\/x402\//, /^src\/protocols\/mpp\//, 'protocols do not know each other'],
  [/^src\/protocols\/mpp\//, /^src\/protocols\/x402\//, 'protocols do not know each other'],
  [
    /^src\/protocols\/[^/]+\.ts$/,
    /^src\/protocols\/(?:x402|mpp)\//,
    'the plug-in interface knows no plug-in',
  ],
  [/^src\/protocols\//, /^src\/stores\//, 'protocols never touch a store'],
  [
    /^src\/client\//,
    /^src\/(?:stores\/(?!(?:store|memory|sqlite|scan)\.ts)|vaults\/(?!(?:signed-)?manifest\.ts)|(?:blobs|hooks|sessions|settlement|webhooks|tracing)\/)/,
    'clients know what is on the wire, and of stores what all have',
  ],
  [/^src\/mcp\//, /^src\/(?!mcp\/)[^/]+\//, 'tools of models know the client as everybody does'],
  [
    /^src\/cli\//,
    /^src\/(?:(?:api|blobs|gate|hooks|mcp|sessions|settlement|testing|tracing|vaults|webhooks)\/|client\/(?!keys\.ts)|stores\/(?!(?:scan|store)\.ts))/,
    'the command line knows the entries, how things are written on the wire (decision 028), and the keys of its own file',
  ],
  [/^src\/evm\//, /^src\/stores\//, 'chains never touch a store'],
  [/^adapters\//, /^src\/[^/]+\//, 'adapters only translate between a framework and the entries'],
  [/^(?:src|adapters)\//, /^(?:@x402\/|x402|mppx)/, "the peers' packages are for tests"],
]

const files = filesOf('{src,adapters}/**/*.ts')
const imports = files.flatMap(importsOf)

/** In `dist`, by `tsup.config.ts`. */
const BUNDLED = ['zod']

describe('imports', () => {
  it('point one way', () => {
    expect(imports.filter(({ to }) => isFile(to)).filter((each) => !isDownward(each))).toEqual([])
  })

  it.each(BANS)('from %s to %s: none, because %s', (from, to) => {
    expect(imports.filter((each) => from.test(each.from) && to.test(each.to))).toEqual([])
  })

  it('make no circle of modules that load each other', () => {
    const circular = files.filter((file) =>
      importsOf(file).some(
        ({ to, when }) => when === 'at load' && to !== file && isFile(to) && loadedWith(to).has(file),
      ),
    )
    expect(circular).toEqual([])
  })

  it('load viem on first use only', () => {
    expect(imports.filter(({ to, when }) => /^viem(?:\/|$)/.test(to) && when === 'at load')).toEqual([])
  })

  it('of packages name what package.json depends on, or what is bundled', () => {
    const { dependencies, peerDependencies } = JSON.parse(textOf('package.json'))
    const known = new Set([...Object.keys({ ...dependencies, ...peerDependencies }), ...BUNDLED])
    const packages = imports.map(({ to }) => to).filter((to) => !isFile(to) && !to.startsWith('node:'))
    expect(packages.filter((name) => !known.has(packageOf(name)))).toEqual([])
  })
})

describe('files', () => {
  it('of an entry hold exports only', () => {
    expect(filesOf('src/*.ts').filter((file) => !holdsExportsOnly(file))).toEqual([])
  })

  it('longer than 300 lines say why', () => {
    const long = files.filter((file) => {
      const text = textOf(file)
      return text.split('\n').length > 301 && !/^\/\/ Long because /m.test(text)
    })
    expect(long).toEqual([])
  })

  it('are named for what they hold', () => {
    const vague = /(?:^|[/-])(?:utils?|helpers?|types|managers?|services?|common|misc)\.ts$/
    expect(files.filter((file) => vague.test(file) || !/^[a-z0-9./-]+$/.test(file))).toEqual([])
  })
})

function isDownward({ from, to }: Import): boolean {
  return partOf(from) === partOf(to) || rankOf(to) < rankOf(from)
}

/**
 * A file of a part without a rank is above everything and below nothing, so that new parts have to be given
 * one.
 */
function rankOf(file: string): number {
  return RANKS[partOf(file)] ?? Number.NaN
}

/** The tools of models stand on an entry, so theirs is with them. */
function partOf(file: string): string {
  if (file === 'src/mcp.ts') return 'src/mcp'
  return /^src\/[^/]+(?=\/)|^[^/]+/.exec(file)?.[0] ?? file
}

/** `viem/accounts` is of `viem`, `@noble/hashes/sha2` of `@noble/hashes`. */
function packageOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
}
