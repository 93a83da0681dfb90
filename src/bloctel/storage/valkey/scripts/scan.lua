#!lua flags=no-writes
-- Reads registrations from the buckets KEYS, in order, until ENOUGH fields were read.
--
-- ARGV: the id of a list, or 0 for all lists; the bounds [first, last) of the end days.
-- Returns the count of buckets read, and the registrations, each after its number.

local ENOUGH, SIZE = 4000, 20
local list, first, last = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local MARK = ''
local rows, n_read = {}, 0

local function is_wanted(value, at)
  local id, _, _, ends_on = struct.unpack('<i4i4i4i4', value, at)
  return id > 0 and (list == 0 or id == list) and first <= ends_on and ends_on < last
end

for n_buckets, bucket in ipairs(KEYS) do
  local found, has_mark = redis.call('HGETALL', bucket), false
  for i = 1, #found, 2 do
    has_mark = has_mark or found[i] == MARK
    local value = found[i + 1]
    for at = 1, #value, SIZE do
      if is_wanted(value, at) then
        rows[#rows + 1] = found[i] .. string.sub(value, at, at + SIZE - 1)
      end
    end
  end
  if not has_mark then
    return {0, ''}  -- the server has lost the bucket
  end
  n_read = n_read + #found / 2
  if n_read >= ENOUGH or n_buckets == #KEYS then
    return {n_buckets, table.concat(rows)}
  end
end
