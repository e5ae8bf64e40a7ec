import type { Clock } from '../lib/clock.ts'
import { createId, type Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Store, type Version, type Write } from '../stores/store.ts'
import {
  type Endpoint,
  type EndpointChanges,
  type IssuedEndpoint,
  isSubscribed,
  liveSecrets,
  type NewEndpoint,
  publicEndpoint,
  readChanges,
  readNew,
  rotated,
  type StoredEndpoint,
} from './endpoint.ts'
import type { UrlRules } from './endpoint-url.ts'
import type { EventType } from './events.ts'
import type { SecretBox } from './secret-box.ts'
import { createWebhookSecret } from './signature.ts'

/** What the seller does with endpoints. */
export interface EndpointBook {
  /**
   * Makes an endpoint. The answer alone shows its secret.
   *
   * @throws CofferError `invalid-option` for a wrong member, or when there are 100 endpoints.
   */
  create(endpoint: NewEndpoint): Promise<IssuedEndpoint>
  /** One endpoint; `null` when there is none of this id. */
  get(id: string): Promise<Endpoint | null>
  /** All endpoints, oldest first. */
  list(): Promise<readonly Endpoint[]>
  /**
   * Changes an endpoint; `null` when there is none. Messages that wait go to its new URL.
   *
   * @throws CofferError `invalid-option` for a wrong member.
   */
  update(id: string, changes: EndpointChanges): Promise<Endpoint | null>
  /** Deletes an endpoint; `false` when there is none. What it was sent stays in the log until it expires. */
  delete(id: string): Promise<boolean>
  /**
   * Gives an endpoint a new secret; the answer alone shows it. The old one signs beside it for the time of
   * `rotationGrace`. `null` when there is no such endpoint.
   */
  rotateSecret(id: string): Promise<IssuedEndpoint | null>
}

/** The book, and what only deliveries need of it. */
export interface Endpoints extends EndpointBook {
  /** Those that are told of events of a type, in the order of their ids. */
  subscribed(type: EventType): Promise<readonly Endpoint[]>
  find(id: string): Promise<HeldEndpoint | null>
  /**
   * The secrets that sign now.
   *
   * @throws CofferError `invalid-state` when no secret of the configuration opens the newest: rotate it.
   */
  secrets(endpoint: StoredEndpoint): Promise<readonly string[]>
}

/** An endpoint as it was read. */
export interface HeldEndpoint {
  readonly endpoint: StoredEndpoint
  readonly version: Version
}

/** What {@link createEndpoints} stands on. */
export interface EndpointsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly box: SecretBox
  readonly rules: UrlRules
  /** How long a replaced secret signs on, milliseconds. */
  readonly rotationGraceMs: number
}

/** All are read for every event. */
const MAX_ENDPOINTS = 100

/** Opens the book of endpoints. */
export function createEndpoints(options: EndpointsOptions): Endpoints {
  const { store, clock, random, box, rules, rotationGraceMs } = options

  async function all(): Promise<readonly StoredEndpoint[]> {
    const entries = await store.list(prefixRange(keys.webhook('')), { limit: 1000 })
    return entries.map(({ value }) => fromJson(value))
  }

  async function find(id: string): Promise<HeldEndpoint | null> {
    if (!ID.test(id)) return null
    const entry = await store.get(keys.webhook(id))
    return entry && { endpoint: fromJson(entry.value), version: entry.version }
  }

  /** Writes what `change` makes of an endpoint, again when somebody else has written it meanwhile. */
  async function change(
    id: string,
    change: (endpoint: StoredEndpoint) => StoredEndpoint,
  ): Promise<StoredEndpoint | null> {
    for (;;) {
      const held = await find(id)
      if (held === null) return null
      const changed = change(held.endpoint)
      if ((await store.commit([rowOf(changed, { version: held.version })])) !== null) return changed
    }
  }

  return {
    find,

    async create(endpoint) {
      const read = readNew(endpoint, rules)
      if ((await all()).length >= MAX_ENDPOINTS)
        invalidOption('endpoint', `at most ${MAX_ENDPOINTS} endpoints`)
      const id = createId('wh', random)
      const secret = createWebhookSecret(random)
      const stored: StoredEndpoint = {
        id,
        ...read,
        enabled: true,
        disabledReason: null,
        createdAt: clock(),
        secrets: [{ sealed: await box.seal(secret, id), until: null }],
      }
      await store.commit([rowOf(stored, 'absent')])
      return { ...publicEndpoint(stored), secret }
    },

    async get(id) {
      const held = await find(id)
      return held && publicEndpoint(held.endpoint)
    },

    async list() {
      const endpoints = (await all()).map(publicEndpoint)
      return endpoints.sort((one, other) => one.createdAt - other.createdAt)
    },

    async update(id, changes) {
      const read = readChanges(changes, rules)
      const changed = await change(id, (endpoint) => ({ ...endpoint, ...read }))
      return changed && publicEndpoint(changed)
    },

    async delete(id) {
      const held = await find(id)
      if (held === null) return false
      await store.commit([{ key: keys.webhook(id), value: null }])
      return true
    },

    async rotateSecret(id) {
      const secret = createWebhookSecret(random)
      const sealed = await box.seal(secret, id)
      const changed = await change(id, (endpoint) =>
        rotated(endpoint, sealed, clock(), clock() + rotationGraceMs),
      )
      return changed && { ...publicEndpoint(changed), secret }
    },

    async subscribed(type) {
      return (await all()).filter((endpoint) => isSubscribed(endpoint, type))
    },

    async secrets(endpoint) {
      const live = liveSecrets(endpoint, clock())
      const [newest, ...older] = await Promise.all(live.map(({ sealed }) => box.open(sealed, endpoint.id)))
      if (newest) return [newest, ...older.filter((secret) => secret !== null)]
      throw new CofferError(
        'invalid-state',
        'the secret was sealed under a configuration secret that is gone',
      )
    },
  }
}

/** The row of an endpoint that answered 410: it is told of nothing more. */
export function disabledAsGone({ endpoint, version }: HeldEndpoint): Write {
  return rowOf({ ...endpoint, enabled: false, disabledReason: 'gone' }, { version })
}

const ID = /^wh_[\w-]{1,64}$/

function rowOf(endpoint: StoredEndpoint, condition: NonNullable<Write['if']>): Write {
  return { key: keys.webhook(endpoint.id), value: toJson(endpoint), if: condition }
}

/** An endpoint is plain JSON already; these two mark where the store's types end and ours begin. */
const toJson = (endpoint: StoredEndpoint): JsonObject => endpoint as unknown as JsonObject
const fromJson = (value: JsonObject): StoredEndpoint => value as unknown as StoredEndpoint
