import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/lib/bytes.ts'
import { type FormPart, openOnlyPart } from '../../src/lib/multipart.ts'

const HEAD = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
const wrong = (why: string): Error => new Error(`wrong: ${why}`)

/** A stream in chunks whose sizes go round and round. */
function streamOf(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length || 1],
): ReadableStream<Uint8Array> {
  let at = 0
  let turn = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close()
        const size = sizes[turn++ % sizes.length] ?? 1
        controller.enqueue(bytes.slice(at, at + size))
        at += size
      },
    },
    { highWaterMark: 0 },
  )
}

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

/** Reads all of a form. */
async function read(
  form: string | Uint8Array,
  sizes?: readonly number[],
  boundary = 'b',
): Promise<FormPart & { bytes: Uint8Array }> {
  const bytes = typeof form === 'string' ? utf8(form) : form
  const part = await openOnlyPart(streamOf(bytes, sizes), boundary, wrong)
  return { ...part, bytes: await bytesOf(part.body) }
}

const textOf = async (form: string, sizes?: readonly number[]): Promise<string> =>
  new TextDecoder().decode((await read(form, sizes)).bytes)

/** Chunks down to single bytes, so that every boundary is cut somewhere. */
const chunkSizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 })
/** Bytes that are nearly a delimiter. */
const tricky = fc
  .array(fc.constantFrom('\r', '\n', '-', '--', 'b', '\r\n', '\r\n-', '\r\n--', '\r\n--c', '\n--b', 'x'), {
    maxLength: 30,
  })
  .map((pieces) => pieces.join(''))
  .filter((text) => !`\r\n${text}`.includes('\r\n--b'))

describe('a form of one part (RFC 7578)', () => {
  it('is read', async () => {
    const part = await read(`--b\r\n${HEAD}\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n`)
    expect(part).toMatchObject({ name: 'file', fileName: 'a.txt', type: 'text/plain' })
    expect(part.bytes).toEqual(utf8('hello'))
  })

  it.each<[string, string, string]>([
    ['nothing', `--b\r\n${HEAD}\r\n\r\n\r\n--b--\r\n`, ''],
    ['a line break', `--b\r\n${HEAD}\r\n\r\n\r\n\r\n--b--\r\n`, '\r\n'],
    ['no line break at the end', `--b\r\n${HEAD}\r\n\r\nx\r\n--b--`, 'x'],
    ['lower-case fields', `--b\r\n${HEAD.toLowerCase()}\r\n\r\nx\r\n--b--`, 'x'],
    ['fields of no concern', `--b\r\nX-A: 1\r\n${HEAD}\r\nContent-Length: 9\r\n\r\nx\r\n--b--`, 'x'],
    [
      'a transfer encoding that changes nothing',
      `--b\r\nContent-Transfer-Encoding: Binary\r\n${HEAD}\r\n\r\nx\r\n--b--`,
      'x',
    ],
    [
      'what is nearly its end',
      `--b\r\n${HEAD}\r\n\r\n\n--b--\r\r\n--\r\n-b\r\n--b--`,
      '\n--b--\r\r\n--\r\n-b',
    ],
  ])('may hold %s', async (_, form, text) => {
    expect(await textOf(form)).toBe(text)
    expect(await textOf(form, [1])).toBe(text)
    expect(await textOf(form, [3, 1])).toBe(text)
  })

  it.each<[string, string, string]>([
    ['nothing at all', '', 'it does not begin with its boundary'],
    ['another boundary', `--c\r\n${HEAD}\r\n\r\nx\r\n--c--`, 'it does not begin with its boundary'],
    ['a preamble', `hello\r\n--b\r\n${HEAD}\r\n\r\nx\r\n--b--`, 'it does not begin with its boundary'],
    ['a line break first', `\r\n--b\r\n${HEAD}\r\n\r\nx\r\n--b--`, 'it does not begin with its boundary'],
    ['padding', `--b \r\n${HEAD}\r\n\r\nx\r\n--b--`, 'it does not begin with its boundary'],
    ['no part', '--b--\r\n', 'it does not begin with its boundary'],
    ['only a boundary', '--b\r\n', 'it ends within the header fields of its part'],
    ['half a field', `--b\r\n${HEAD}`, 'it ends within the header fields of its part'],
    ['no body', `--b\r\n${HEAD}\r\n\r\n--b--`, 'its part has no body'],
    ['no fields', '--b\r\n\r\nx\r\n\r\nx\r\n--b--', 'a header field of its part is malformed'],
    [
      'a folded field',
      `--b\r\n${HEAD}\r\n ; x="y"\r\n\r\nx\r\n--b--`,
      'a header field of its part is malformed',
    ],
    ['a bare line feed', `--b\r\nX: 1\n${HEAD}\r\n\r\nx\r\n--b--`, 'a header field of its part is malformed'],
    [
      'a NUL',
      `--b\r\n${HEAD.replace('a.txt', '\0')}\r\n\r\nx\r\n--b--`,
      'a header field of its part is malformed',
    ],
    ['a field twice', `--b\r\n${HEAD}\r\n${HEAD}\r\n\r\nx\r\n--b--`, 'its part has a header field twice'],
    [
      'no disposition',
      '--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--',
      'the Content-Disposition of its part is not that of a form field',
    ],
    [
      'base64',
      `--b\r\n${HEAD}\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--`,
      'its part has a transfer encoding',
    ],
    [
      'large fields',
      `--b\r\nX: ${'x'.repeat(20_000)}\r\n${HEAD}\r\n\r\nx\r\n--b--`,
      'the header fields of its part are longer than 16384 bytes',
    ],
    [
      'endless fields',
      `--b\r\n${'X: x\r\n'.repeat(20_000)}`,
      'the header fields of its part are longer than 16384 bytes',
    ],
    ['no end', `--b\r\n${HEAD}\r\n\r\nhello`, 'it ends before its last boundary'],
    ['half an end', `--b\r\n${HEAD}\r\n\r\nhello\r\n--`, 'it ends before its last boundary'],
    ['an end of half a dash', `--b\r\n${HEAD}\r\n\r\nhello\r\n--b-`, 'its last boundary is not its end'],
    ['an end that goes on', `--b\r\n${HEAD}\r\n\r\nhello\r\n--bb--`, 'its last boundary is not its end'],
    ['more behind its end', `--b\r\n${HEAD}\r\n\r\nhello\r\n--b--\r\nx`, 'its last boundary is not its end'],
    [
      'much more behind its end',
      `--b\r\n${HEAD}\r\n\r\nhello\r\n--b--${'x'.repeat(300_000)}`,
      'its last boundary is not its end',
    ],
    [
      'another part',
      `--b\r\n${HEAD}\r\n\r\nhello\r\n--b\r\n${HEAD}\r\n\r\nx\r\n--b--`,
      'it has more than one part',
    ],
  ])('is not taken with %s', async (_, form, why) => {
    for (const sizes of [[100_000], [1], [7, 1, 64]]) {
      await expect(read(form, sizes)).rejects.toThrow(`wrong: ${why}`)
    }
  })

  it.each(['', ' ', 'a '.repeat(36), 'é', 'a\r\n', '"', 'x'.repeat(71)])(
    'has no such boundary: %j',
    async (boundary) => {
      const form = utf8(`--${boundary}\r\n${HEAD}\r\n\r\nx\r\n--${boundary}--`)
      await expect(openOnlyPart(streamOf(form), boundary, wrong)).rejects.toThrow(
        'wrong: its boundary is none',
      )
    },
  )

  it('comes out as it went in, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(tricky, chunkSizes, async (text, sizes) => {
        expect(await textOf(`--b\r\n${HEAD}\r\n\r\n${text}\r\n--b--\r\n`, sizes)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('is read as the platform writes it', async () => {
    const name = fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed())
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), name, chunkSizes, async (bytes, name, sizes) => {
        const form = new FormData()
        form.append('file', new File([new Uint8Array(bytes)], name, { type: 'image/png' }))
        const written = new Response(form)
        const [, boundary = ''] = /boundary=(.*)$/.exec(written.headers.get('content-type') ?? '') ?? []
        const part = await openOnlyPart(
          streamOf(await bytesOf(written.body ?? streamOf(bytes)), sizes),
          boundary,
          wrong,
        )
        // It does not write an empty name.
        expect(part).toMatchObject({ name: 'file', fileName: name || null, type: 'image/png' })
        expect(await bytesOf(part.body)).toEqual(new Uint8Array(bytes))
      }),
    )
  })

  it('is refused, or read as the platform reads it, whatever comes', async () => {
    const boundary = 'a-boundary-as-long-as-browsers-make-them'
    const good = `--${boundary}\r\n${HEAD}\r\n\r\nhello\r\n--${boundary}--\r\n`
    const pieces = [
      '\r\n',
      '\r',
      '\n',
      '--',
      `\r\n--${boundary}`,
      HEAD,
      'Content-Type: a/b',
      ': ',
      'x',
      '\0',
      'é',
    ]
    const mutated = fc
      .tuple(fc.array(fc.constantFrom(...pieces), { maxLength: 6 }), fc.nat(good.length), fc.nat(10))
      .map(([pieces, at, cut]) => good.slice(0, at) + pieces.join('') + good.slice(at + cut))
      // The platform takes a boundary for one wherever it stands.
      .filter((form) => !/(?<!^--|\r\n--)a-boundary/.test(form))
    await fc.assert(
      fc.asyncProperty(mutated, chunkSizes, async (form, sizes) => {
        const ours = await read(form, sizes, boundary).catch((error: Error) => error)
        if (ours instanceof Error) {
          expect(ours.message).toMatch(/^wrong: /)
          return
        }
        const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
        const theirs = [...(await new Response(form, { headers }).formData())]
        expect(theirs).toHaveLength(1)
        const [name, value] = theirs[0] ?? []
        expect(name).toBe(ours.name)
        const bytes = value instanceof File ? new Uint8Array(await value.arrayBuffer()) : utf8(value ?? '')
        expect(bytes).toEqual(ours.bytes)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the body of the part', () => {
  it('is read as it comes, and holds nothing back but what may be the end', async () => {
    let chunks = 0
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const head = chunks++ === 0 ? `--b\r\n${HEAD}\r\n\r\n` : ''
          controller.enqueue(utf8(`${head}${'x'.repeat(1000)}`))
        },
      },
      { highWaterMark: 0 },
    )
    const part = await openOnlyPart(endless, 'b', wrong)
    expect(chunks).toBe(1)
    const reader = part.body.getReader()
    let length = 0
    for (let n = 1; n <= 50; n++) {
      length += (await reader.read()).value?.length ?? 0
      expect(chunks).toBe(n)
      expect(length).toBeGreaterThan(n * 1000 - 10)
    }
    await reader.cancel()
  })

  it('may be written into by who reads it', async () => {
    const text = 'hello\r\n-'.repeat(100)
    const part = await openOnlyPart(
      streamOf(utf8(`--b\r\n${HEAD}\r\n\r\n${text}\r\n--b--`), [50]),
      'b',
      wrong,
    )
    let read = ''
    for await (const chunk of part.body) {
      read += new TextDecoder().decode(chunk)
      new Uint8Array(chunk.buffer).fill(0)
    }
    expect(read).toBe(text)
  })

  it('stops the form when it is cancelled, and the form is stopped when it is wrong', async () => {
    for (const isWrong of [false, true]) {
      let cancelled: unknown
      const form = new ReadableStream<Uint8Array>({
        start: (controller) =>
          controller.enqueue(utf8(`--b\r\n${HEAD}\r\n\r\nx\r\n--b${isWrong ? '\r\n...' : ''}`)),
        cancel: (reason) => {
          cancelled = reason
        },
      })
      const { body } = await openOnlyPart(form, 'b', wrong)
      if (isWrong) await expect(bytesOf(body)).rejects.toThrow('it has more than one part')
      else await body.cancel('enough')
      expect(isWrong ? String(cancelled) : cancelled).toBe(
        isWrong ? 'Error: wrong: it has more than one part' : 'enough',
      )
    }
  })

  it('fails as the form does', async () => {
    let pulls = 0
    const form = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ > 0) throw new Error('gone')
        controller.enqueue(utf8(`--b\r\n${HEAD}\r\n\r\nhello`))
      },
    })
    const { body } = await openOnlyPart(form, 'b', wrong)
    await expect(bytesOf(body)).rejects.toThrow('gone')
    await expect(openOnlyPart(streamOf(utf8('--')).pipeThrough(failing()), 'b', wrong)).rejects.toThrow(
      'gone',
    )
  })
})

function failing(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform() {
      throw new Error('gone')
    },
  })
}
