/** A text of others, made fit for every store: not each can keep U+0000, and none half a character. */
export function storable(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed().replaceAll('\0', '\ufffd')
}
