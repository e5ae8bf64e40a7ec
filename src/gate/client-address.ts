/**
 * The address that a request is counted for.
 *
 * @param address - Other end of the connection, as the server saw it; not needed when that is a proxy of our own.
 * @param forwardedFor - `X-Forwarded-For`, which only proxies of our own may have a say in.
 * @param trustedHops - How many proxies of our own stand in front of the server; 0 ignores the field.
 * @returns IPv6 addresses as their /64 network, since a client has all of it; `null` when nothing is known.
 */
export function clientAddress(
  address: string | undefined,
  forwardedFor: string | null,
  trustedHops: number,
): string | null {
  const forwarded = forwardedFor?.split(',').map((hop) => hop.trim()) ?? []
  const path = trustedHops > 0 ? [...forwarded, address] : [address]
  const client = path[Math.max(0, path.length - 1 - trustedHops)]
  if (!client) return null
  return client.includes(':') ? network64(client) : client
}

/** First four groups of an IPv6 address. IPv4 in IPv6 clothing (`::ffff:192.0.2.1`) is the IPv4 address. */
function network64(address: string): string {
  const ipv4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (ipv4 !== undefined) return ipv4
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ? tail.split(':') : [])]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
