#!lua
-- Does everything that a writer has staged, or nothing, and lets go of its lock.
--
-- KEYS: the lock, the state, the stream that wakes followers, then lists of staged
--   commands; in them each command follows the number of its words.
-- ARGV: whose lock it must be, and the cursor of the last change.
-- Returns 1, or 0 if the lock is not this writer's any more or something staged is gone.

local FIRST_STAGED = 4

local function is_whole()
  for i = FIRST_STAGED, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 0 then
      return false
    end
  end
  return redis.call('GET', KEYS[1]) == ARGV[1]
end

local function apply(words)
  local at = 1
  while at <= #words do
    local last = at + tonumber(words[at])
    redis.call(unpack(words, at + 1, last))
    at = last + 1
  end
end

if not is_whole() then
  return 0
end
for i = FIRST_STAGED, #KEYS do
  apply(redis.call('LRANGE', KEYS[i], 0, -1))
  redis.call('DEL', KEYS[i])
end
if redis.call('HGET', KEYS[2], 'last_change') ~= ARGV[2] then
  redis.call('HSET', KEYS[2], 'last_change', ARGV[2])
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, '*', 'last_change', ARGV[2])
end
redis.call('DEL', KEYS[1])
return 1
