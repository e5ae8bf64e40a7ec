/**
 * The scripts of a store in Redis. A script runs alone on its server, so each of them is one atomic step. What it writes
 * reaches the append-only file, and replicas, as one transaction.
 *
 * KEYS[1]  hash: key -> `version expiry value`; the expiry is `-` for never
 * KEYS[2]  sorted set of the keys, all with the same score: their order is that of their bytes
 * KEYS[3]  sorted set of the keys that expire, by when they do
 */

/** The row of a live entry, and its version; nothing when there is none or it has expired. */
const LIVE = `
  local function live(row, now)
    if not row then return nil end
    local version, expiry = string.match(row, '^(%S+) (%S+) ')
    if expiry ~= '-' and tonumber(expiry) <= now then return nil end
    return version
  end
`

/** ARGV: the key. */
export const GET = `return redis.call('HGET', KEYS[1], ARGV[1])`

/**
 * ARGV: start, end, limit, 1 for backwards, now. Returns keys and rows in turn.
 *
 * Entries that have expired stand in the order until they are freed, so pages of it are read until there are enough.
 */
export const LIST = `
  ${LIVE}
  local from, to, missing = '[' .. ARGV[1], '(' .. ARGV[2], tonumber(ARGV[3])
  local backwards, now = ARGV[4] == '1', tonumber(ARGV[5])
  local found, count, keys = {}, missing, nil
  repeat
    if backwards then
      keys = redis.call('ZREVRANGEBYLEX', KEYS[2], to, from, 'LIMIT', 0, count)
    else
      keys = redis.call('ZRANGEBYLEX', KEYS[2], from, to, 'LIMIT', 0, count)
    end
    if #keys == 0 then break end
    local rows = redis.call('HMGET', KEYS[1], unpack(keys))
    for at, key in ipairs(keys) do
      if missing > 0 and live(rows[at], now) then
        found[#found + 1] = key
        found[#found + 1] = rows[at]
        missing = missing - 1
      end
    end
    local isLast = #keys < count
    if backwards then to = '(' .. keys[#keys] else from = '(' .. keys[#keys] end
    count = math.max(missing, 64)
  until missing == 0 or isLast
  return found
`

/**
 * KEYS[4]: remembers this commit. ARGV: its version, how many milliseconds to remember it, now, how many expired entries
 * to free; then for each write the key, the condition (empty for none, `absent`, or `=` and the version), the expiry
 * (`-` for never) and the value (empty to delete). Returns the version, or nothing when a condition does not hold.
 *
 * A client that has lost the answer may send the call again by itself. The second one must not find that the first one's
 * keys are taken.
 */
export const COMMIT = `
  ${LIVE}
  if redis.call('EXISTS', KEYS[4]) == 1 then return ARGV[1] end
  local version, now = ARGV[1], tonumber(ARGV[3])
  for at = 5, #ARGV, 4 do
    local condition = ARGV[at + 1]
    if condition ~= '' then
      local held = live(redis.call('HGET', KEYS[1], ARGV[at]), now)
      if (held and '=' .. held or 'absent') ~= condition then return false end
    end
  end
  local function remove(key)
    redis.call('HDEL', KEYS[1], key)
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
  end
  redis.call('SET', KEYS[4], '', 'PX', ARGV[2])
  for at = 5, #ARGV, 4 do
    local key, expiry, value = ARGV[at], ARGV[at + 2], ARGV[at + 3]
    if value == '' then
      remove(key)
    else
      redis.call('HSET', KEYS[1], key, version .. ' ' .. expiry .. ' ' .. value)
      redis.call('ZADD', KEYS[2], 0, key)
      if expiry == '-' then
        redis.call('ZREM', KEYS[3], key)
      else
        redis.call('ZADD', KEYS[3], expiry, key)
      end
    end
  end
  local expired = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
  for _, key in ipairs(expired) do remove(key) end
  return version
`

/** Returns what the server says of its persistence and its memory, empty where it may not be asked, and the types of the keys. */
export const INSPECT = `
  local function info(section)
    local answer = redis.pcall('INFO', section)
    return type(answer) == 'string' and answer or ''
  end
  local types = {}
  for at, key in ipairs(KEYS) do types[at] = redis.call('TYPE', key).ok end
  return { info('persistence'), info('memory'), unpack(types) }
`
