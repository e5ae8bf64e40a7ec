import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createAddressGuard,
  isPublicAddress,
  isPublicHost,
  literalAddress,
} from '../../src/webhooks/address-guard.ts'

/** Blocks with their first and last address, as the IANA registries and the RFCs publish them. */
const PUBLISHED: readonly (readonly [name: string, first: string, last: string])[] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private 10/8', '10.0.0.0', '10.255.255.255'],
  ['shared address space', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.0', '127.255.255.255'],
  ['link-local', '169.254.0.0', '169.254.255.255'],
  ['private 172.16/12', '172.16.0.0', '172.31.255.255'],
  ['protocol assignments', '192.0.0.0', '192.0.0.255'],
  ['TEST-NET-1', '192.0.2.0', '192.0.2.255'],
  ['AS112-v4', '192.31.196.0', '192.31.196.255'],
  ['AMT', '192.52.193.0', '192.52.193.255'],
  ['6to4 relay anycast', '192.88.99.0', '192.88.99.255'],
  ['private 192.168/16', '192.168.0.0', '192.168.255.255'],
  ['direct delegation AS112', '192.175.48.0', '192.175.48.255'],
  ['benchmarking', '198.18.0.0', '198.19.255.255'],
  ['TEST-NET-2', '198.51.100.0', '198.51.100.255'],
  ['TEST-NET-3', '203.0.113.0', '203.0.113.255'],
  ['multicast', '224.0.0.0', '239.255.255.255'],
  ['reserved', '240.0.0.0', '255.255.255.254'],
  ['broadcast', '255.255.255.255', '255.255.255.255'],
  ['unspecified v6', '::', '::'],
  ['loopback v6', '::1', '::1'],
  ['IPv4-compatible', '::2', '::ffff:ffff'],
  ['IPv4-translated', '::ffff:0:0:0', '::ffff:0:ffff:ffff'],
  ['local NAT64', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['discard only', '100::', '100::ffff:ffff:ffff:ffff'],
  ['dummy prefix', '100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff'],
  ['Teredo', '2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['benchmarking v6', '2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff'],
  ['AMT v6', '2001:3::', '2001:3:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['AS112-v6', '2001:4:112::', '2001:4:112:ffff:ffff:ffff:ffff:ffff'],
  ['ORCHID', '2001:10::', '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ORCHIDv2', '2001:20::', '2001:2f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['drone identifiers', '2001:30::', '2001:3f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['documentation v6', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['6to4', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['direct delegation AS112 v6', '2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
  ['documentation v6, 2024', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['segment routing', '5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['unique local', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['link-local v6', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['site-local', 'fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['multicast v6', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
]

/** The neighbours of those blocks, and addresses that everybody knows. */
const PUBLIC = [
  '1.0.0.0',
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2000::',
  '2001:200::',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001:82b::200e',
  '2003::',
  '3ffd:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '3fff:1000::',
]

const METADATA = ['169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254']

const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })))
const ipv4 = octets.map((parts) => parts.join('.'))
const ipv6 = fc.ipV6().filter((text) => !text.includes('.'))

/** Published blocks as Node itself compares them. */
const listed = new BlockList()
for (const [, first, last] of PUBLISHED) listed.addRange(first, last, first.includes(':') ? 'ipv6' : 'ipv4')
listed.addAddress('168.63.129.16')

describe('an address', () => {
  it.each(PUBLISHED)('of %s is not public: %s to %s', (_, first, last) => {
    expect(isPublicAddress(first)).toBe(false)
    expect(isPublicAddress(last)).toBe(false)
  })

  it.each(PUBLIC)('beside them is public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each(METADATA)('of a cloud’s metadata is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  it('of version 4 is public when no published block has it', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        expect(isPublicAddress(address)).toBe(!listed.check(address, 'ipv4'))
      }),
      { numRuns: 2000 },
    )
  })

  it('of version 6 is public when it is handed out and no published block has it', () => {
    const handedOut = new BlockList()
    handedOut.addSubnet('2000::', 3, 'ipv6')
    const returned = new BlockList()
    returned.addSubnet('3ffe::', 16, 'ipv6')
    returned.addSubnet('2001::', 23, 'ipv6')
    const unicast = ipv6.map((text) =>
      text.replace(/^[0-9a-f]*(?=:)/i, (group) => (group === '' ? '' : `2${group.slice(1)}`)),
    )
    const is = (list: BlockList, address: string) => list.check(address, 'ipv6')
    fc.assert(
      fc.property(fc.oneof(ipv6, unicast), (address) => {
        fc.pre(!/^::(?:ffff:)|^64:ff9b:/i.test(new URL(`http://[${address}]`).hostname.slice(1)))
        const expected = is(handedOut, address) && !is(listed, address) && !is(returned, address)
        expect(isPublicAddress(address)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('inside an IPv6 address counts as itself where it is what is reached, and never elsewhere', () => {
    fc.assert(
      fc.property(octets, ([a = 0, b = 0, c = 0, d = 0]) => {
        const dotted = `${a}.${b}.${c}.${d}`
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        const expected = isPublicAddress(dotted)
        for (const inside of [
          `::ffff:${dotted}`,
          `::FFFF:${hex}`,
          `0:0:0:0:0:ffff:${hex}`,
          `64:ff9b::${dotted}`,
        ]) {
          expect(isPublicAddress(inside)).toBe(expected)
        }
        for (const inside of [`::${dotted}`, `2002:${hex}::1`, `2001:0:${hex}::1`, `64:ff9b:1::${dotted}`]) {
          expect(isPublicAddress(inside)).toBe(false)
        }
      }),
    )
  })

  it('with a zone is not public', () => {
    for (const address of ['fe80::1%eth0', '2606:4700::1%1', '2606:4700::1%25eth0']) {
      expect(isPublicAddress(address)).toBe(false)
    }
  })

  it.each([
    '',
    '1',
    '1.1.1',
    '1.1.1.1.',
    '01.1.1.1',
    '1.1.1.256',
    '0x1.1.1.1',
    '1.1.1.1/8',
    ' 1.1.1.1',
    '１.1.1.1',
  ])('is not %j', (text) => expect(isPublicAddress(text)).toBe(false))

  it.each([
    '2606:4700',
    '2606::4700::1',
    '[2606:4700::1]',
    '2606:4700::1]',
    '2606:4700::g',
    '2606:4700::1 ',
    ':::',
  ])('is not %j', (text) => expect(isPublicAddress(text)).toBe(false))

  it('is not any other text, and none throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void expect(isPublicAddress(text)).toBe(false)))
  })
})

describe('a host', () => {
  const hostOf = (url: string) => new URL(url).hostname

  it.each([
    'http://127.0.0.1',
    'http://127.0.0.1.',
    'http://127.1',
    'http://127.0.1',
    'http://2130706433',
    'http://0x7f.1',
    'http://0x7f000001',
    'http://0177.0.0.1',
    'http://017700000001',
    'http://0',
    'http://1２7.0.0.1',
    'http://127。0。0。1',
    'http://%31%32%37.0.0.1',
    'http://[::1]',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[0:0:0:0:0:ffff:7f00:0001]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://169.254.169.254',
    'http://2852039166',
    'http://localhost',
    'http://LOCALHOST.',
    'http://localhost..',
    'http://api.localhost',
    'http://printer.local',
    'http://printer.local.',
    'http://metadata.google.internal',
    'http://router.home.arpa',
    'http://intranet',
    'http://ⓛocalhost',
  ])('is not public: %s (case 39)', (url) => {
    expect(isPublicHost(hostOf(url))).toBe(false)
  })

  it.each([
    'http://example.com',
    'http://example.com.',
    'http://8.8.8.8',
    'http://[2606:4700::1]',
    'http://mylocal.dev',
    'http://münchen.de',
  ])('is public: %s', (url) => expect(isPublicHost(hostOf(url))).toBe(true))

  it('is an address only when it is written as one', () => {
    expect(literalAddress(hostOf('http://127.1'))).toBe('127.0.0.1')
    expect(literalAddress(hostOf('http://[::FFFF:127.0.0.1]'))).toBe('::ffff:7f00:1')
    expect(literalAddress(hostOf('http://1.2.3.4.example.com'))).toBeNull()
  })

  it('that is an IPv4 address is seen through every spelling of its numbers', () => {
    const spell = fc.constantFrom(
      (n: number) => String(n),
      (n: number) => `0x${n.toString(16)}`,
      (n: number) => `0${n.toString(8)}`,
    )
    fc.assert(
      fc.property(
        octets,
        fc.integer({ min: 1, max: 4 }),
        fc.array(spell, { minLength: 4, maxLength: 4 }),
        (parts, count, spellings) => {
          const tail = parts.slice(count - 1).reduce((number, part) => number * 256 + part, 0)
          const host = [...parts.slice(0, count - 1), tail].map((n, at) => spellings[at]?.(n)).join('.')
          expect(isPublicHost(hostOf(`http://${host}`))).toBe(isPublicAddress(parts.join('.')))
        },
      ),
    )
  })
})

describe('a guard', () => {
  it('without exceptions allows what is public', () => {
    const guard = createAddressGuard()
    expect([guard.allowsAddress('1.1.1.1'), guard.allowsHost('example.com')]).toEqual([true, true])
    expect([
      guard.allowsAddress('10.0.0.1'),
      guard.allowsHost('10.0.0.1'),
      guard.allowsHost('localhost'),
    ]).toEqual([false, false, false])
  })

  it('with exceptions allows them too, and leaves names of the local network to their addresses', () => {
    const guard = createAddressGuard((address) => address === '10.0.0.1' || address === 'fd00::1')
    expect(guard.allowsAddress('1.1.1.1')).toBe(true)
    expect(guard.allowsAddress('10.0.0.1')).toBe(true)
    expect(guard.allowsAddress('10.0.0.2')).toBe(false)
    expect(guard.allowsHost('10.0.0.1')).toBe(true)
    expect(guard.allowsHost('10.0.0.2')).toBe(false)
    expect(guard.allowsHost('[fd00::1]')).toBe(true)
    expect(guard.allowsHost('localhost')).toBe(true)
  })
})
