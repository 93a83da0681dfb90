#!lua flags=allow-oom
-- Keeps the lock KEYS[1] of the writer ARGV[1] for another ARGV[2] milliseconds, or
-- lets go of it if that is 0.  Returns 1, or 0 if the lock is not this writer's any more.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
elseif ARGV[2] == '0' then
  return redis.call('DEL', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
