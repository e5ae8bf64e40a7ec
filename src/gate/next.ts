import { type Answer, type Fields, type HeaderField, toResponse } from '../lib/message.ts'
import { CofferError } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { bufferBody, observeBody } from './answer-body.ts'
import { answerFields, replaceFields, withFields } from './answer-fields.ts'
import type { Grant } from './grant.ts'
import { createRecorder, type Recorder } from './journal.ts'
import type { SessionOptions } from './options.ts'
import type { RequestHead } from './request-head.ts'
import type { Settings } from './settings.ts'
import type { Paid } from './settle.ts'

/** "Run the handler": what `coffer.handle` returns when the request is paid for. Exactly one ending must be called. */
export interface Next<
  WithVault extends boolean = boolean,
  WithSession extends boolean | SessionOptions = boolean | SessionOptions,
> {
  readonly grant: Grant<WithVault, WithSession>
  /**
   * Whether the answer is held back until the money moved (`settle: 'after'`): then only {@link finish} will do, with an
   * answer that ends.
   */
  readonly isHeldBack: boolean
  /**
   * Whether the answer is kept for an idempotency key: then a handler that still works when the payer goes away is worth
   * waiting for, since the payer will come back for its answer.
   */
  readonly isKept: boolean
  /**
   * Records how the handler answered and returns the response as the payer must see it. When the payer is gone, which the
   * signal of the request says, the answer is not delivered: it is owed, or read to its end when it is kept.
   *
   * @throws CofferError `invalid-state` when the answer is held back and is a stream, or too large to hold; when its body was
   * read already, or it is `Response.error()`. What was paid for stays owed then.
   */
  finish(response: Response): Promise<Response>
  /** {@link finish} for servers that write their own head: called when status and headers are final, but not yet sent. */
  conclude(status: number, headers: Pick<Headers, 'get' | 'entries'>): Conclusion
  /** The handler threw, or nobody is there to read the answer: what was paid for stays owed. */
  abandon(): Promise<void>
  /**
   * Resolves when the outcome is stored, which for an answer that is kept waits for its end; never rejects. `false` when the
   * handler outlived its lease and the payment was redeemed by another request meanwhile, or no money moved after all:
   * withhold the answer where that is still possible. Platforms that stop a request when its client is gone must wait for it.
   * `null` when there is nothing to store: a session let the request in.
   */
  readonly recorded: Promise<boolean> | null
}

/** What a server that writes its own head has to do. */
export interface Conclusion {
  /** Header fields to set, replacing any of the same name. */
  readonly set: readonly HeaderField[]
  /**
   * Where the bytes of the body go too, as they are written, when the answer is kept for an idempotency key; `null` when
   * it is not. Must be ended, also when the payer is gone: that is what it is kept for.
   */
  readonly body: AnswerSink | null
}

/** Receives the body of an answer on its way. */
export interface AnswerSink {
  write(chunk: Uint8Array): void
  /** All of the body has been written. */
  end(): void
  /** The body broke off: what was paid for stays owed. */
  abort(): void
}

/** What {@link createNext} stands on. */
export interface NextOptions {
  readonly paid: Paid
  readonly protocol: Protocol
  readonly request: RequestHead
  readonly grant: Grant
  readonly settings: Settings
  /** Turns a refusal into the answer to this request. */
  readonly deny: (refusal: Refusal) => Answer
}

/** Makes the {@link Next} of a paid request. */
export function createNext({ paid, grant, protocol, request, settings, deny }: NextOptions): Next {
  const { settleAfter } = paid
  const { sessionId } = grant.payment
  const { ledger, sessionHeader, onError, maxResultBytes } = settings
  const isKept = paid.held.payment.idempotency !== null
  const outcome = Promise.withResolvers<boolean>()
  let held = paid.held
  let hasEnded = false

  function end(): void {
    if (hasEnded) throw new CofferError('invalid-state', 'this request was concluded already')
    hasEnded = true
  }

  /** Stores the outcome. A failing store must not cost the payer the answer: the lease returns it to owed. */
  function record(store: () => Promise<Held | null>): Promise<boolean> {
    const stored = store().then(
      (done) => done !== null,
      (error: unknown) => {
        onError(error)
        return true
      },
    )
    outcome.resolve(stored)
    return stored
  }

  function fieldsFor(status: number, headers: Fields): readonly HeaderField[] {
    const receipts = status < 400 ? protocol.receipt(held.payment, status) : []
    return [...receipts, ...answerFields(request.headers, headers, settings)]
  }

  function conclude(status: number, headers: Pick<Headers, 'get' | 'entries'>): Conclusion {
    if (settleAfter !== null)
      throw new CofferError('invalid-state', 'an answer that is held back must be finished')
    end()
    const set = fieldsFor(status, headers)
    const isFailure = status >= 400
    const body =
      isFailure || !isKept
        ? null
        : keep(createRecorder(status, replaceFields(headers.entries(), set), maxResultBytes))
    if (body === null) void record(() => (isFailure ? ledger.owe(held) : ledger.deliver(held)))
    return { set: isFailure ? set : [...set, ...sessionFields()], body }
  }

  /** Never among what is kept: the store must not know the id. */
  function sessionFields(): readonly HeaderField[] {
    return sessionId === null ? [] : [[sessionHeader, sessionId]]
  }

  /** Delivered is what is kept: the two are stored together, when the last byte is known. */
  function keep(recorder: Recorder): AnswerSink {
    let isStored = false
    const store = (what: () => Promise<Held | null>): void => {
      if (!isStored) void record(what)
      isStored = true
    }
    return {
      write(chunk) {
        recorder.write(chunk)
        if (!recorder.isWhole) store(() => ledger.deliver(held, recorder.result()))
      },
      end: () => store(() => ledger.deliver(held, recorder.result())),
      abort: () => store(() => ledger.abandon(held)),
    }
  }

  async function finish(response: Response): Promise<Response> {
    if (cannotBeSent(response)) {
      await abandon()
      throw new CofferError('invalid-state', 'the answer of the handler was read already, or is an error')
    }
    const isGone = request.signal.aborted
    if (isGone && !isKept) {
      await abandon()
      return response
    }
    const answer = await (settleAfter ? finishHeldBack(response, settleAfter) : finishNow(response))
    if (!isGone) return answer
    // Nobody reads it now, but it is kept: it is read to its end, or as far as anything of it can be kept.
    await answer.body?.cancel()
    return new Response(null, answer)
  }

  async function abandon(): Promise<void> {
    end()
    await record(() => ledger.abandon(held))
  }

  async function finishNow(response: Response): Promise<Response> {
    const { set, body } = conclude(response.status, response.headers)
    // The body of an answer to HEAD is dropped by servers, unread.
    if (body !== null && response.body !== null && request.method !== 'HEAD')
      return withFields(response, observeBody(response.body, body, outcome.promise, request.signal), set)
    body?.end()
    if (await outcome.promise) return withFields(response, response.body, set)
    await response.body?.cancel()
    return toResponse(deny(LEASE_LOST))
  }

  /** Work, then money: an answer of 400 or above is not charged, and no money means no answer. */
  async function finishHeldBack(
    response: Response,
    settle: () => Promise<Held | Refusal>,
  ): Promise<Response> {
    end()
    if (response.status >= 400) {
      await record(() => ledger.owe(held))
      return withFields(response, response.body, fieldsFor(response.status, response.headers))
    }
    const bytes = await bufferBody(response, maxResultBytes).catch(async (error: unknown) => {
      await record(() => ledger.abandon(held))
      throw error
    })
    const settled = await settle()
    if (isRefusal(settled)) {
      outcome.resolve(false)
      return toResponse(deny(settled))
    }
    held = settled
    const set = fieldsFor(response.status, response.headers)
    const recorder = createRecorder(
      response.status,
      replaceFields(response.headers.entries(), set),
      maxResultBytes,
    )
    if (bytes !== null) recorder.write(bytes)
    const result = isKept ? recorder.result() : undefined
    if (!(await record(() => ledger.deliver(held, result)))) return toResponse(deny(LEASE_LOST))
    return withFields(response, bytes, [...set, ...sessionFields()])
  }

  return {
    grant,
    isHeldBack: settleAfter !== null,
    isKept,
    conclude,
    finish,
    abandon,
    recorded: outcome.promise,
  }
}

/** Such as one response that a handler gives to everybody: the second of them finds it read. */
function cannotBeSent({ bodyUsed, body, type }: Response): boolean {
  return bodyUsed || body?.locked === true || type === 'error'
}

const LEASE_LOST = refuse(
  'payment-in-flight',
  'The handler outlived its lease, and another request redeems this payment.',
  { retryAfter: 1 },
)
