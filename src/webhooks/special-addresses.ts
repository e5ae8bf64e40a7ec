/** A block of addresses in CIDR notation, and why no server for the public stands there. */
export type SpecialBlock = readonly [block: string, why: string]

/**
 * IPv4 addresses that are not the public Internet: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its
 * successors), multicast, and one address in public space that is not public.
 */
export const specialIpv4: readonly SpecialBlock[] = [
  ['0.0.0.0/8', 'this network (RFC 791)'],
  ['10.0.0.0/8', 'private use (RFC 1918)'],
  ['100.64.0.0/10', 'shared address space of carriers (RFC 6598); metadata of Alibaba Cloud'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['168.63.129.16/32', 'the host of an Azure machine'],
  ['169.254.0.0/16', 'link-local (RFC 3927); metadata of most clouds'],
  ['172.16.0.0/12', 'private use (RFC 1918)'],
  ['192.0.0.0/24', 'IETF protocol assignments (RFC 6890); metadata of Oracle Cloud'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['192.31.196.0/24', 'AS112 (RFC 7535)'],
  ['192.52.193.0/24', 'automatic multicast tunnelling (RFC 7450)'],
  ['192.88.99.0/24', '6to4 relays, deprecated (RFC 7526)'],
  ['192.168.0.0/16', 'private use (RFC 1918)'],
  ['192.175.48.0/24', 'AS112 (RFC 7534)'],
  ['198.18.0.0/15', 'benchmarking (RFC 2544)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['224.0.0.0/4', 'multicast (RFC 1112)'],
  ['240.0.0.0/4', 'reserved, and broadcast (RFC 1112, RFC 919)'],
]

/**
 * IPv6 addresses within {@link globalUnicast} that are not the public Internet: the IANA IPv6 Special-Purpose Address
 * Registry. Its other blocks (loopback, link-local, unique local, multicast, discard, …) are outside.
 */
export const specialIpv6: readonly SpecialBlock[] = [
  ['2001::/23', 'IETF protocol assignments: Teredo, benchmarking, ORCHID (RFC 2928)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['2002::/16', '6to4, deprecated: any IPv4 address stands in it (RFC 3056)'],
  ['2620:4f:8000::/48', 'AS112 (RFC 7534)'],
  ['3ffe::/16', '6bone, returned (RFC 3701)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
]

/** The only part of IPv6 that is handed out (RFC 4291 section 2.4): whatever is outside it is not public. */
export const globalUnicast = '2000::/3'

/** IPv6 blocks whose last 32 bits are the IPv4 address that is reached through them. */
export const ipv4Inside: readonly SpecialBlock[] = [
  ['::ffff:0:0/96', 'IPv4-mapped (RFC 4291 section 2.5.5.2)'],
  ['64:ff9b::/96', 'NAT64 (RFC 6052); all that a host without IPv4 has for the IPv4 Internet'],
]
