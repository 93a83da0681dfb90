#!lua flags=allow-oom
-- Sets the lifetime of the lock KEYS[1] of the writer ARGV[1] to ARGV[2] milliseconds,
-- or releases the lock if ARGV[2] is 0.
-- Returns 1, or 0 if the writer lost the lock.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
elseif ARGV[2] == '0' then
  return redis.call('DEL', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
