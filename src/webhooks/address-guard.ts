import {
  globalUnicast,
  ipv4Inside,
  type SpecialBlock,
  specialIpv4,
  specialIpv6,
} from './special-addresses.ts'

/** Decides where webhooks may go. */
export interface AddressGuard {
  /** Whether an IP address may be connected to. */
  allowsAddress(address: string): boolean
  /** Whether the host of a URL may be tried; what its name resolves to is for {@link allowsAddress}. */
  allowsHost(hostname: string): boolean
}

/**
 * Makes a guard that allows the public Internet.
 *
 * @param allowAddress - Allows other addresses too. Names of the local network may then be tried as well: the
 * addresses behind them decide.
 */
export function createAddressGuard(allowAddress?: (address: string) => boolean): AddressGuard {
  const isAllowed = (address: string): boolean => allowAddress?.(address) === true
  return {
    allowsAddress: (address) => isPublicAddress(address) || isAllowed(address),
    allowsHost(hostname) {
      if (isPublicHost(hostname)) return true
      const address = literalAddress(hostname)
      return address === null ? allowAddress !== undefined : isAllowed(address)
    },
  }
}

/** Whether an address belongs to the public Internet. Anything that is not an IP address is not public. */
export function isPublicAddress(address: string): boolean {
  const ipv4 = parseIpv4(address)
  if (ipv4 !== null) return isPublicIpv4(ipv4)
  const ipv6 = parseIpv6(address)
  return ipv6 !== null && isPublicIpv6(ipv6)
}

/** Whether the host of a URL is a public address, or a name that means the same everywhere. Takes `URL.hostname`. */
export function isPublicHost(hostname: string): boolean {
  const address = literalAddress(hostname)
  return address === null ? isPublicName(hostname) : isPublicAddress(address)
}

/**
 * The address that a URL's host is, without brackets; `null` for a name. Takes `URL.hostname`: the URL parser has
 * turned `127.1`, `2130706433` and `0x7f.1` into `127.0.0.1` already.
 */
export function literalAddress(hostname: string): string | null {
  if (hostname.startsWith('[')) return hostname.slice(1, -1)
  const host = withoutRootDots(hostname)
  return parseIpv4(host) === null ? null : host
}

/** Names that every network has for itself (RFC 6761, RFC 6762, RFC 8375; `internal` is reserved by ICANN). */
const LOCAL_NAMES = ['localhost', 'local', 'internal', 'home.arpa']

/** A name without a dot is completed by the resolver of the local network. */
function isPublicName(hostname: string): boolean {
  const name = withoutRootDots(hostname.toLowerCase())
  return name.includes('.') && !LOCAL_NAMES.some((local) => name === local || name.endsWith(`.${local}`))
}

const withoutRootDots = (hostname: string): string => hostname.replace(/\.+$/, '')

const isPublicIpv4 = (address: bigint): boolean => !isWithin(address, SPECIAL_IPV4)

function isPublicIpv6(address: bigint): boolean {
  if (isWithin(address, IPV4_INSIDE)) return isPublicIpv4(address & 0xffff_ffffn)
  return isWithin(address, GLOBAL_UNICAST) && !isWithin(address, SPECIAL_IPV6)
}

/** Without leading zeros, which some resolvers read as octal. */
const OCTET = /^(?:0|[1-9]\d{0,2})$/

function parseIpv4(text: string): bigint | null {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255)) return null
  return octets.reduce((address, octet) => (address << 8n) | BigInt(octet), 0n)
}

/** Not with a zone (`fe80::1%eth0`): that names a link of this machine. */
const IPV6 = /^[0-9a-f:.]{2,45}$/i

function parseIpv6(text: string): bigint | null {
  if (!IPV6.test(text) || !URL.canParse(`http://[${text}]`)) return null
  // The URL parser writes every spelling in one way: groups of hexadecimal digits, at most one `::`.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [groups(head), groups(tail ?? '')]
  const missing = '0000'.repeat(8 - left.length - right.length)
  return BigInt(`0x${left.join('')}${missing}${right.join('')}`)
}

const groups = (text: string): readonly string[] =>
  text === '' ? [] : text.split(':').map((group) => group.padStart(4, '0'))

interface Block {
  readonly start: bigint
  /** How many bits of an address the block leaves open. */
  readonly open: bigint
}

function isWithin(address: bigint, blocks: readonly Block[]): boolean {
  return blocks.some(({ start, open }) => address >> open === start >> open)
}

function parseBlock([text]: SpecialBlock): Block {
  const [address = '', length] = text.split('/')
  const ipv4 = parseIpv4(address)
  const start = ipv4 ?? parseIpv6(address)
  if (start === null) throw new TypeError(`${text} is not a block of addresses`)
  return { start, open: BigInt((ipv4 === null ? 128 : 32) - Number(length)) }
}

const SPECIAL_IPV4 = specialIpv4.map(parseBlock)
const SPECIAL_IPV6 = specialIpv6.map(parseBlock)
const IPV4_INSIDE = ipv4Inside.map(parseBlock)
const GLOBAL_UNICAST = [parseBlock([globalUnicast, 'handed out'])]
