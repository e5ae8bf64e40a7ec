import { ordinal } from '../stores/keys.ts'

/** What a vault holds, by the prefix of its ids. */
export type ItemKind = 'doc' | 'fil' | 'evt'

/** 60 bits of the vault's id: enough to tell the items of two vaults apart. */
const MARK_LENGTH = 10

/**
 * The id of an item: the kind, a mark of the vault, and the item's number within it, from 1 and without gaps. Ids of one
 * kind and vault are ordered as text.
 */
export function itemId(kind: ItemKind, vault: string, number: number): string {
  return `${kind}_${markOf(vault)}${ordinal(number)}`
}

/** The number of an item of this vault; `null` for any other text, also for an id of another vault. */
export function itemNumber(kind: ItemKind, vault: string, id: string): number | null {
  const prefix = `${kind}_${markOf(vault)}`
  if (id.length !== prefix.length + 12 || !id.startsWith(prefix)) return null
  const digits = id.slice(prefix.length)
  return /^\d{12}$/.test(digits) ? Number(digits) : null
}

function markOf(vault: string): string {
  return vault.slice('vlt_'.length, 'vlt_'.length + MARK_LENGTH)
}
