#!lua
-- Runs all commands that a writer has staged, or none, and releases the writer's lock.
--
-- KEYS: the lock, the state, the stream that wakes followers, then lists of staged
--   commands; the number of words precedes each command.
-- ARGV: the token of the writer that must hold the lock, the last cursor, and the token
--   of the transaction, with which the entry of the stream is named.
-- Returns 1, or 0 if the writer lost the lock or staged commands are missing.

local FIRST_STAGED = 4

local function is_complete()
  for i = FIRST_STAGED, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 0 then
      return false
    end
  end
  return redis.call('GET', KEYS[1]) == ARGV[1]
end

local function apply(words)
  local i = 1
  while i <= #words do
    local last = i + tonumber(words[i])
    redis.call(unpack(words, i + 1, last))
    i = last + 1
  end
end

if not is_complete() then
  return 0
end
for i = FIRST_STAGED, #KEYS do
  apply(redis.call('LRANGE', KEYS[i], 0, -1))
  redis.call('DEL', KEYS[i])
end
if redis.call('HGET', KEYS[2], 'last_change') ~= ARGV[2] then
  local id = ARGV[2] .. '-' .. ARGV[3]
  redis.call('HSET', KEYS[2], 'last_change', ARGV[2], 'token', ARGV[3])
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100000, id, 'last_change', ARGV[2])
end
redis.call('DEL', KEYS[1])
return 1
