import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Signer } from '../evm/signer.ts'
import { utf8 } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import { toHex } from '../lib/hex.ts'
import type { Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import type { HeaderField } from '../lib/message.ts'
import type { Address } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { scan } from '../stores/scan.ts'
import { prefixRange, type Store } from '../stores/store.ts'
import type { Attempt } from './attempt.ts'
import { clientKeys } from './keys.ts'
import { covers, specificity } from './session-scope.ts'

/** How a client uses the sessions that servers open for payments. */
export interface SessionOptions {
  /** Field that names a session. Default `X-PRUDRA-SESSION-ID`. */
  readonly header?: string
  /**
   * Where a session is tried: at the path that opened it (`exact`), in the same folder and below (`prefix`), or at the
   * whole origin. Where the server does not take it, the request is paid. Default `prefix`.
   */
  readonly scope?: 'exact' | 'prefix' | 'origin'
  /**
   * Whether a payment that opened no session is shown by a token that the wallet signs, once per payment, for servers that
   * know those. Default true, for wallets that sign texts; false where every signature is asked of a person.
   */
  readonly tokens?: boolean
}

/** A session as programs and people may see it: not what it is used with. */
export interface SessionInfo {
  /** `cses_…`: this client's own name for it. */
  readonly id: string
  /** Where it was opened. */
  readonly url: string
  readonly scope: 'exact' | 'prefix' | 'origin'
  /** Who opened it: the server, or this client by a token that the server may or may not take. */
  readonly kind: 'server' | 'token'
  readonly openedAt: number
  /** Until when it is used; `null` for as long as the server takes it. */
  readonly expiresAt: number | null
  /** What it was opened for, when that was said. */
  readonly label: string | null
  /** Attempt that paid for it. */
  readonly attempt: string
  readonly payment: SessionPayment
}

/** What a session cost. */
export interface SessionPayment {
  /** Whole tokens. */
  readonly amount: string
  readonly symbol: string
  readonly network: ChainId
  readonly recipient: Address
  /** Hash; `null` when the server did not say. */
  readonly transaction: string | null
}

type TokenFields = readonly HeaderField[] | null

/** A session, as the store keeps it. */
export interface SessionRecord extends SessionInfo {
  /** What the server calls it: whoever has that can use it. */
  readonly secret: string | null
}

/** A session that covers a request. */
export interface UsableSession {
  readonly id: string
  /** The fields that show it; `null` when it takes a signature, and the wallet gives none. */
  fields(signer: () => Promise<Signer>): Promise<readonly HeaderField[] | null>
  /** The same, with a signature by the wallet that paid, for servers that want both; `null` when there is none. */
  signedFields(signer: () => Promise<Signer>): Promise<readonly HeaderField[] | null>
  /** The server does not take it for a URL. */
  refused(url: URL): Promise<void>
}

/** The sessions of a client. */
export interface Sessions {
  /** Field that names a session. */
  readonly header: string
  /** The sessions that cover a URL, the likeliest first; or the one with an id, when it is of the same origin. */
  find(url: URL, id?: string): Promise<readonly UsableSession[]>
  /** Id of a session that covers a URL, whether it is still good or not; `null` when there is none. */
  lastOf(url: URL): Promise<string | null>
  /** Keeps the session that an answer opened, or what it takes to make a token; `null` when there is neither. */
  keep(attempt: Attempt, answer: Response): Promise<SessionInfo | null>
  list(): Promise<readonly SessionInfo[]>
  /** What the server calls a session, and where it is; `null` when there is none, or the server has no name for it. */
  secretOf(id: string): Promise<{ readonly secret: string; readonly url: string } | null>
  /** `false` when there is none. */
  forget(id: string): Promise<boolean>
}

/** What {@link createSessions} stands on. */
export interface SessionsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** `null` for a client that uses none. */
  readonly options: SessionOptions | null
}

/** No server keeps one for longer. */
const KEPT_MS = 30 * 86_400_000

/** How long a server that does not take tokens is shown none. */
const REFUSED_MS = 86_400_000

/** So many are remembered; what is forgotten costs a request. */
const MAX_REFUSALS = 1000

const SECRET = /^[\x21-\x2b\x2d-\x7e]{8,512}$/

/** Opens the sessions in a store. */
export function createSessions({ store, clock, random, options }: SessionsOptions): Sessions {
  const { header = 'X-PRUDRA-SESSION-ID', scope = 'prefix', tokens = true } = readSessionOptions(options)
  /** By session: a wallet is asked once. */
  const signed = new Map<string, Promise<TokenFields>>()
  /** Sessions and paths for which servers have refused them. */
  const refusals = new Set<string>()

  async function all(prefix: string): Promise<SessionRecord[]> {
    const records: SessionRecord[] = []
    for await (const { value } of scan(store, prefixRange(prefix))) {
      if (typeof value['id'] === 'string') records.push(value as unknown as SessionRecord)
    }
    return records
  }

  /** Those that a URL is in the scope of, whether they are still good or not. */
  async function covering(url: URL): Promise<SessionRecord[]> {
    return (await all(clientKeys.sessionsOf(hash(url.origin)))).filter((session) => covers(session, url))
  }

  async function named(id: string): Promise<SessionRecord | undefined> {
    return (await all(clientKeys.sessions)).find((session) => session.id === id)
  }

  /** The fields that show a session by a token, which is signed once; `null` when the wallet signs no texts, or refuses. */
  async function tokenFields(session: SessionRecord, signerOf: () => Promise<Signer>): Promise<TokenFields> {
    if (session.payment.transaction === null || !tokens) return null
    const { signSession } = await import('./session-token.ts')
    const sign = async () => ((await isClaimed(session)) ? null : signSession(session, await signerOf()))
    const known = signed.get(session.id) ?? sign()
    signed.set(session.id, known)
    return known.catch(() => null)
  }

  /** Whether the transaction that a server says we have paid it by is known to have paid another one, which takes its token. */
  async function isClaimed({ url, payment }: SessionRecord): Promise<boolean> {
    const { origin } = new URL(url)
    const isSame = (hash: string | null): boolean =>
      hash?.toLowerCase() === payment.transaction?.toLowerCase()
    return (await all(clientKeys.sessions)).some(
      (other) => isSame(other.payment.transaction) && new URL(other.url).origin !== origin,
    )
  }

  function usable(session: SessionRecord): UsableSession {
    const { id, secret } = session
    const named: readonly HeaderField[] = secret === null ? [] : [[header, secret]]
    const signedFields: UsableSession['signedFields'] = async (signer) => {
      const token = await tokenFields(session, signer)
      return token && [...named, ...token]
    }
    return {
      id,
      fields: async (signer) => (secret === null ? signedFields(signer) : named),
      signedFields,
      async refused(url) {
        refusals.add(`${id} ${url.pathname}`)
        const [oldest = ''] = refusals
        if (refusals.size > MAX_REFUSALS) refusals.delete(oldest)
        if (secret !== null) return
        const opened = new URL(session.url)
        const expiresAt = clock() + REFUSED_MS
        await store.commit([
          { key: keyOf(session), value: null },
          { key: refusalKey(opened), value: {}, expiresAt },
        ])
      },
    }
  }

  const isLive = ({ expiresAt }: SessionRecord): boolean => expiresAt === null || expiresAt > clock()

  return {
    header,

    async find(url, id) {
      if (options === null) return []
      if (id !== undefined) {
        const session = await named(id)
        const isHere = session !== undefined && new URL(session.url).origin === url.origin
        return isHere && isLive(session) ? [usable(session)] : []
      }
      return (await covering(url))
        .filter((session) => isLive(session) && !refusals.has(`${session.id} ${url.pathname}`))
        .sort((a, b) => specificity(b, url) - specificity(a, url) || b.openedAt - a.openedAt)
        .map(usable)
    },

    async lastOf(url) {
      if (options === null) return null
      const here = await covering(url)
      return here.sort((a, b) => specificity(b, url) - specificity(a, url))[0]?.id ?? null
    },

    async keep(attempt, answer) {
      if (options === null) return null
      const { session: terms, payment, request } = attempt
      const url = new URL(request.url)
      const offered = answer.headers.get(header)
      const secret = offered !== null && SECRET.test(offered) ? offered : null
      const isToken = secret === null && tokens && attempt.transaction !== null
      // Who pays to open a session wants it tried.
      const isRefused = async () => terms === null && (await store.get(refusalKey(url))) !== null
      if (secret === null && (!isToken || (await isRefused()))) return null
      const { amount, symbol, network, recipient } = payment
      const openedAt = clock()
      const expiresAt = terms && openedAt + terms.ttl * 1000
      const record: SessionRecord = {
        id: `cses_${toHex(random(12)).slice(2)}`,
        url: url.href,
        scope: terms?.scope ?? scope,
        kind: secret === null ? 'token' : 'server',
        openedAt,
        expiresAt,
        label: terms?.label ?? null,
        attempt: attempt.id,
        payment: { amount, symbol, network, recipient, transaction: attempt.transaction },
        secret,
      }
      const value = record as unknown as JsonObject
      await store.commit([{ key: keyOf(record), value, expiresAt: openedAt + KEPT_MS }])
      return sessionInfo(record)
    },

    async list() {
      return (await all(clientKeys.sessions)).map(sessionInfo)
    },

    async secretOf(id) {
      const { secret = null, url = '' } = (await named(id)) ?? {}
      return secret === null ? null : { secret, url }
    },

    async forget(id) {
      const session = await named(id)
      if (session !== undefined) await store.commit([{ key: keyOf(session), value: null }])
      return session !== undefined
    },
  }
}

function sessionInfo({ secret: _, ...info }: SessionRecord): SessionInfo {
  return info
}

/** @throws CofferError `invalid-option`. */
function readSessionOptions(options: SessionOptions | null): SessionOptions {
  if (options === null) return {}
  refuseUnknownOptions(options, ['header', 'scope', 'tokens'], 'sessions')
  const { header = 'x', scope = 'prefix' } = options
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(header)) invalidOption('sessions.header', 'a field name', header)
  if (!['exact', 'prefix', 'origin'].includes(scope)) {
    invalidOption('sessions.scope', "'exact', 'prefix' or 'origin'", scope)
  }
  return options
}

/** One for each path, where a later one takes the place of the one before; and those that were opened for a time. */
function keyOf({ url, id, expiresAt }: Pick<SessionRecord, 'url' | 'id' | 'expiresAt'>): string {
  const { origin, pathname } = new URL(url)
  return clientKeys.session(hash(origin), expiresAt === null ? hash(pathname) : id)
}

/** That an origin takes no tokens. */
const refusalKey = ({ origin }: URL): string => clientKeys.session(hash(origin), 'no-tokens')

const hash = (text: string): string => toHex(keccak_256(utf8(text))).slice(2)
