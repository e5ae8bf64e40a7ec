/** A store and a bus in Redis. */
export type { Clock } from './lib/clock.ts'
export type { Bus, Unsubscribe } from './stores/bus.ts'
export { type RedisOptions, redis } from './stores/redis.ts'
export {
  type IoRedisPublisher,
  type IoRedisSubscriber,
  type NodeRedisPublisher,
  type NodeRedisSubscriber,
  type RedisBusOptions,
  redisBus,
} from './stores/redis-bus.ts'
export type { IoRedis, NodeRedis, ScriptInput } from './stores/redis-client.ts'
export type { Store } from './stores/store.ts'
