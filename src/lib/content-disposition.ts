/**
 * `Content-Disposition` of an answer that browsers save and never show (RFC 6266 section 4): the file's name as it is
 * (RFC 8187), and for those who cannot read that, in ASCII.
 *
 * @param fileName - Any well-formed text. What would make it a path is replaced: receivers ought to (section 4.3), but
 * not all do.
 */
export function attachment(fileName: string): string {
  const name = fileName.replace(/[/\\]/g, '_')
  // Without what would end the quotes, and without percent signs, which some decode.
  const plain = name.replace(/[^\x20-\x7e]|["%]/gu, '_')
  return `attachment; filename="${plain}"${plain === name ? '' : `; filename*=UTF-8''${extended(name)}`}`
}

/** Percent-encodes all but `attr-char` (RFC 8187 section 3.2.1). */
function extended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The value of a parameter of a form's `Content-Disposition`; quotes and line breaks in it are percent-encoded. */
const PARAMETER = /; ?(name|filename)="([^"]*)"/y

/**
 * Reads the `Content-Disposition` of a part of a form (RFC 7578 section 4.2), as the WHATWG's HTML standard writes it;
 * `null` when it is none, or has other parameters than these.
 */
export function parseFormDisposition(
  text: string,
): { readonly name: string; readonly fileName: string | null } | null {
  const type = /^form-data(?=;|$)/i.exec(text)?.[0]
  if (type === undefined) return null
  const found = new Map<string, string>()
  for (let at = type.length; at < text.length; ) {
    PARAMETER.lastIndex = at
    const [parameter, key = '', value = ''] = PARAMETER.exec(text) ?? []
    if (parameter === undefined || found.has(key)) return null
    found.set(
      key,
      value.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number(`0x${hex}`))),
    )
    at += parameter.length
  }
  const name = found.get('name')
  return name === undefined ? null : { name, fileName: found.get('filename') ?? null }
}
