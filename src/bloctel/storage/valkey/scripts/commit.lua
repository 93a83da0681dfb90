#!lua
-- Runs all staged commands of a writer, or none of them, and releases the writer's lock.
--
-- KEYS: the lock, the state, the stream that notifies followers, then lists of staged
--   commands. In these lists, each command comes after the number of its words.
-- ARGV: the token of the writer that must hold the lock, the last cursor, and the token
--   of the transaction. Cursor and token are the id of the new entry of the stream.
-- Returns 1, or 0 if the writer lost the lock or if staged commands are missing.

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
