-- Takes one request from each bucket, or from none when one of them has nothing left. The clock is this server's.
-- KEYS: the buckets. ARGV: a name for the request, then for each bucket its algorithm, how many a minute, the burst.
-- Returns for each bucket: is there one left, how many are left afterwards, microseconds until one is there, until full.
local MINUTE = 60000000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local instant = string.format('%.0f', now) -- as text by itself it would lose its last digits
local allowed, found = 1, {}

for i, key in ipairs(KEYS) do
  local algorithm, rate, burst = ARGV[3 * i - 1], tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local state = { algorithm = algorithm, rate = rate, burst = burst, wait = 0 }
  if algorithm == 'window' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - MINUTE))
    redis.call('ZREMRANGEBYSCORE', key, '(' .. instant, '+inf') -- the clock went back
    state.used = redis.call('ZCARD', key)
    if state.used >= rate then
      local entry = redis.call('ZRANGE', key, state.used - rate, state.used - rate, 'WITHSCORES')
      state.wait = tonumber(entry[2]) + MINUTE - now
    end
    state.has_one = state.used < rate
  else
    local kept = redis.call('HMGET', key, 'tokens', 'at')
    local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
    tokens = math.min(burst, tokens + math.max(0, now - at) * rate / MINUTE)
    state.tokens = tokens
    state.has_one = tokens >= 0.999999
    if not state.has_one then state.wait = (1 - tokens) * MINUTE / rate end
  end
  if not state.has_one then allowed = 0 end
  found[i] = state
end

local answer = {}
for i, key in ipairs(KEYS) do
  local state = found[i]
  local left, full
  if state.algorithm == 'window' then
    if allowed == 1 then
      redis.call('ZADD', key, instant, instant .. ':' .. ARGV[1])
      state.used = state.used + 1
    end
    redis.call('PEXPIRE', key, 61000)
    left = math.max(0, state.rate - state.used)
    full = state.used > 0 and MINUTE or 0
  else
    state.tokens = math.max(0, state.tokens - allowed)
    full = (state.burst - state.tokens) * MINUTE / state.rate
    redis.call('HSET', key, 'tokens', string.format('%.6f', state.tokens), 'at', instant)
    redis.call('PEXPIRE', key, math.ceil(full / 1000) + 1000)
    left = math.floor(state.tokens + 0.000001)
  end
  answer[i] = { state.has_one and 1 or 0, left, math.ceil(state.wait), math.ceil(full) }
end
return answer
