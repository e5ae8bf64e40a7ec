import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/lib/bytes.ts'
import {
  createEventStreamParser,
  formatRetry,
  formatStreamEvent,
  HEARTBEAT,
  type ReadEvent,
} from '../../src/lib/sse.ts'

/** Reads a whole stream that comes in pieces of so many bytes. */
function parse(stream: string | Uint8Array, size = Infinity) {
  const parser = createEventStreamParser()
  const bytes = typeof stream === 'string' ? utf8(stream) : stream
  const events: ReadEvent[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const read = parser.push(bytes.subarray(at, at + size))
    if (read === null) throw new Error('too long')
    events.push(...read)
  }
  return { events, retryMs: parser.retryMs }
}

const message = (data: string, id = ''): ReadEvent => ({ id, type: 'message', data })

/** What the HTML standard says of streams: name, stream, events. */
const CASES: readonly (readonly [name: string, stream: string, events: readonly ReadEvent[]])[] = [
  ['one line', 'data: a\n\n', [message('a')]],
  ['an empty stream', '', []],
  ['blank lines only', '\n\n\r\n\r', []],
  ['several lines are one text', 'data: a\ndata: b\ndata: c\n\n', [message('a\nb\nc')]],
  [
    'one space after the colon is not data',
    'data:a\n\ndata: b\n\ndata:  c\n\n',
    ['a', 'b', ' c'].map((x) => message(x)),
  ],
  ['a tab is data', 'data:\ta\ndata: \ndata:b\n\n', [message('\ta\n\nb')]],
  [
    'a field without a colon is empty',
    'data\n\ndata\ndata\n\ndata:a\n\n',
    [message(''), message('\n'), message('a')],
  ],
  ['an event without data is none', 'event: x\nid: 1\n\ndata: a\n\n', [message('a', '1')]],
  ['line feeds', 'data: a\ndata: b\n\n', [message('a\nb')]],
  ['carriage returns', 'data: a\rdata: b\r\r', [message('a\nb')]],
  ['both together are one line end', 'data: a\r\ndata: b\r\n\r\n', [message('a\nb')]],
  ['all kinds mixed', 'data:a\r\ndata\ndata:b\r\n\r', [message('a\n\nb')]],
  ['the first byte order mark is not data', '\ufeffdata: a\n\ndata: b\n\n', [message('a'), message('b')]],
  ['the second is', '\ufeff\ufeffdata: a\n\ndata: b\n\n', [message('b')]],
  [
    'one within the stream is',
    'data: a\n\n\ufeffdata: b\n\ndata: \ufeffc\n\n',
    [message('a'), message('\ufeffc')],
  ],
  [
    'comments are passed over',
    `data:1\r:\0\n:\r\ndata:2\n:${'x'.repeat(2000)}\rdata:3\n:data:no\r:y\ndata:4\n\n`,
    [message('1\n2\n3\n4')],
  ],
  ['an event that the stream ends in is dropped', 'data: a\n\ndata: b', [message('a')]],
  ['so it is before its blank line', 'data: a\n\ndata: b\n', [message('a')]],
  ['and with it its id', 'id: 1\ndata: a\n\nid: 2\ndata: b\n', [message('a', '1')]],
  ['names', 'event: x\ndata: a\n\ndata: b\n\n', [{ id: '', type: 'x', data: 'a' }, message('b')]],
  ['an empty name is none', 'event: \ndata: a\n\nevent: x\nevent\ndata: b\n\n', [message('a'), message('b')]],
  ['the last name counts', 'event: x\nevent: y\ndata: a\n\n', [{ id: '', type: 'y', data: 'a' }]],
  ['a name does not outlive an event without data', 'event: x\n\ndata: a\n\n', [message('a')]],
  [
    'ids stay until there is another',
    'id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n',
    [message('a', '1'), message('b', '1'), message('c', '2')],
  ],
  [
    'an empty id takes the id away',
    'id: 1\ndata: a\n\nid\ndata: b\n\nid:\ndata: c\n\n',
    [message('a', '1'), message('b'), message('c')],
  ],
  [
    'an id with U+0000 is none',
    'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\n',
    [message('a', '1'), message('b', '1'), message('c', '1')],
  ],
  ['ids are any text', 'id: …\u2028 é:\ndata: a\n\n', [message('a', '…\u2028 é:')]],
  ['U+0000 is data', 'data:\0\n\n\n\n', [message('\0')]],
  [
    'other characters end no line',
    'data: a\u0085b\u2028c\u2029d\u000be\u000cf\n\n',
    [message('a\u0085b\u2028c\u2029d\u000be\u000cf')],
  ],
  ['other fields are passed over', 'data:a\n data:b\ndata\ndatas:c\nDATA:d\ndata:b\n\n', [message('a\n\nb')]],
  [
    'fields are as they are written',
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    [message('\0\n 2\n1\n3\n\n4')],
  ],
  ['a colon in a value', 'data: a: b:c\n\n', [message('a: b:c')]],
]

describe('reading', () => {
  it.each(CASES)('%s', (_name, stream, events) => {
    // Every size puts a border somewhere else: into line ends, characters, the mark at the start.
    for (const size of [Infinity, 1, 2, 3, 5, 7])
      expect(parse(stream, size)).toEqual({ events, retryMs: null })
  })

  it.each([
    ['a time to wait', 'retry: 3000\ndata: a\n\n', 3000],
    ['the last time, as a decimal', 'retry:1\nretry:02\n\n', 2],
    ['a time without an event', 'retry: 10\n', 10],
    [
      'no other text',
      'retry: 7\nretry: 1000x\nretry: -1\nretry: 1.5\nretry:  5\nretry:\nretry\nretry: ٣\n\n',
      7,
    ],
  ])('takes %s', (_name, stream, retryMs) => {
    for (const size of [Infinity, 1, 2, 3]) expect(parse(stream, size).retryMs).toBe(retryMs)
  })

  it('puts U+FFFD for what is not UTF-8, wherever it comes apart', () => {
    const bytes = new Uint8Array([...utf8('data: '), 0xff, 0xe2, 0x82, ...utf8('x€\n\n')])
    for (const size of [1, 2, 4, 100]) expect(parse(bytes, size).events).toEqual([message('\ufffd\ufffdx€')])
  })

  it('takes pieces without a byte', () => {
    const parser = createEventStreamParser()
    for (const piece of ['data: a\r', '', '\n', '', '\r', '', '\ndata: b\n\n']) {
      expect(parser.push(utf8(piece))).toEqual(
        piece === '\r' ? [message('a')] : piece.endsWith('\n\n') ? [message('b')] : [],
      )
    }
  })

  it.each<[string, string]>([
    ['a line', 'data: '],
    ['a comment', ':'],
    ['many lines of an event', 'data:x\n'],
  ])('gives up on %s without end, in linear time', (_name, begin) => {
    const parser = createEventStreamParser(100_000)
    const piece = utf8(begin === 'data:x\n' ? begin.repeat(10) : 'x'.repeat(10))
    expect(parser.push(utf8(begin))).toEqual([])
    let pushed = 0
    while (parser.push(piece) !== null) pushed += piece.length
    expect(pushed).toBeGreaterThan(90_000)
    expect(pushed).toBeLessThan(400_000)
  })

  it('does not mind how long the whole stream is', () => {
    const parser = createEventStreamParser(1000)
    for (let n = 0; n < 1000; n++) {
      expect(parser.push(utf8(`data: ${'x'.repeat(900)}\n\n`))).toHaveLength(1)
      expect(parser.push(utf8(HEARTBEAT))).toEqual([])
    }
  })
})

describe('writing', () => {
  it.each([
    'plain',
    '',
    'two\nlines',
    '\n',
    '\n\n',
    'a\n\nid: 9\ndata: injected\n\n',
    ' leading space',
    ':comment',
    '\0',
    '\ufeff',
    'é€😀\u2028',
  ])('%j is one event, and comes back as it was (case 35)', (data) => {
    const stream = formatStreamEvent({ id: 'evt_1', data })
    for (const size of [Infinity, 1, 3]) expect(parse(stream, size).events).toEqual([message(data, 'evt_1')])
  })

  it('JSON of any text is one event, and comes back as it was (case 35)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('\r', '\n', '\0', ':', ' ', 'id: 9', 'data', '\ud800', '😀') }),
    )
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (payload, size) => {
        const data = JSON.stringify({ payload })
        const { events } = parse(formatStreamEvent({ id: 'evt_1', data }), size)
        expect(events).toEqual([message(data, 'evt_1')])
        expect(JSON.parse(events[0]?.data ?? '')).toEqual({ payload })
      }),
    )
  })

  it.each(['a\rb', '\r', 'a\r\nb', 'half \ud83d'])('data %j cannot be carried (case 35)', (data) => {
    expect(() => formatStreamEvent({ id: '1', data })).toThrow(TypeError)
  })

  it.each(['a\nb', 'a\rb', '\0', 'a\r\n', '\udc00'])('id %j cannot be carried', (id) => {
    expect(() => formatStreamEvent({ id, data: 'x' })).toThrow(TypeError)
  })

  it('heartbeats and times to wait are no events', () => {
    const stream = formatRetry(1500) + HEARTBEAT + formatStreamEvent({ id: '1', data: 'a' }) + HEARTBEAT
    expect(parse(stream)).toEqual({ events: [message('a', '1')], retryMs: 1500 })
  })
})

describe('beside eventsource-parser', () => {
  /** What that package makes of a stream. It is told of pieces of text, and keeps no id from event to event. */
  function parseAsPeer(pieces: readonly Uint8Array[]) {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const events: { type: string; data: string; id: string | undefined }[] = []
    let retryMs: number | null = null
    const parser = createParser({
      onEvent: ({ event, data, id }) => events.push({ type: event || 'message', data, id }),
      onRetry: (ms) => {
        retryMs = ms
      },
    })
    for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
    return { events, retryMs }
  }

  const token = fc.constantFrom(
    'data',
    'data:',
    'data: ',
    'id:',
    'id: 1',
    'id\n',
    'event: x',
    'event',
    'retry: 5',
    'retry: x',
    ':',
    ' ',
    'a',
    '€',
    '\0',
    '\n',
    '\n',
    '\n\n',
    '\r',
    '\r\n',
    '\ufeff',
  )
  const stream = fc.array(fc.oneof({ weight: 9, arbitrary: token }, { weight: 1, arbitrary: fc.string() }), {
    maxLength: 60,
  })

  it('reads the same events from any stream in any pieces', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (tokens, sizes) => {
        const bytes = utf8(tokens.join('').toWellFormed())
        const pieces: Uint8Array[] = []
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % sizes.length] ?? 1
          pieces.push(bytes.subarray(at, at + size))
          at += size
        }
        const parser = createEventStreamParser()
        const ours = pieces.flatMap((piece) => parser.push(piece) ?? [])
        const theirs = parseAsPeer(pieces)
        expect(ours.map(({ type, data }) => ({ type, data }))).toEqual(
          theirs.events.map(({ type, data }) => ({ type, data })),
        )
        expect(parser.retryMs).toBe(theirs.retryMs)
        expect(ours).toEqual(parse(bytes).events)
        for (const [at, { id }] of theirs.events.entries())
          if (id !== undefined) expect(ours[at]?.id).toBe(id)
      }),
      { numRuns: 3000 },
    )
  })
})
