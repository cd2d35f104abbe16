//! What is done in a master in one step: each of these Lua scripts touches keys of one slot, and
//! nothing comes between its lines. No cell is ever in a key in part: an element of a sorted set is
//! there or not. Times come as seconds from now, so that the clocks of the masters do not matter.
//! Specified in posted(8), REDIS.

use redis::{Cmd, ToRedisArgs};

/// Adds cells to a part, unless it is sealed. The score of a cell is its third digit and, below
/// that, how many were there before it. Keys: part, seal. Arguments: seconds until the part ends by
/// itself, cells. The number of cells that were new, or -1.
pub const PUT: &str = "
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
local before = redis.call('ZCARD', KEYS[1])
local new = 0
for i = 2, #ARGV do
  local third = math.floor(string.byte(ARGV[i], 2) / 16)
  local score = string.format('%.0f', third * 4294967296 + before + new)
  new = new + redis.call('ZADD', KEYS[1], 'NX', score, ARGV[i])
end
if before == 0 and new > 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return new";

/// Seals a part: from then on its cells stand in the order of their bytes and none is added. Keys:
/// part, seal. Arguments: seconds until both end by themselves, two ends of a range of bytes. How
/// many cells stand before the range, how many in it, and how many in all.
pub const CLOSED: &str = "
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[2], '1', 'EX', ARGV[1])
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('ZUNIONSTORE', KEYS[1], 1, KEYS[1], 'WEIGHTS', 0)
    redis.call('EXPIRE', KEYS[1], ARGV[1])
  end
end
local within = redis.call('ZLEXCOUNT', KEYS[1], ARGV[2], ARGV[3])
local from = 0
if ARGV[2] ~= '-' then
  from = redis.call('ZLEXCOUNT', KEYS[1], '-', '(' .. string.sub(ARGV[2], 2))
end
return {from, within, redis.call('ZCARD', KEYS[1])}";

/// Tells the time a node goes by. Keys: time, running. Argument: Unix seconds. The highest told.
pub const TELL: &str = "
local time = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), tonumber(ARGV[1]))
local text = string.format('%.0f', time)
redis.call('SET', KEYS[1], text, 'EX', 259200)
redis.call('SET', KEYS[2], text, 'EX', 10)
return text";

/// Adds what networks of a part took. Of more than there is room for, those that took least go.
/// Keys: bytes, digits. Arguments: most networks, seconds until the counts end, then of each
/// network its name, bytes, and bits of first digits. The sums, two numbers for each.
pub const TAKE: &str = "
local most, sums = tonumber(ARGV[1]), {}
for i = 3, #ARGV, 3 do
  local bytes = tonumber(redis.call('ZINCRBY', KEYS[1], ARGV[i + 1], ARGV[i]))
  local kept = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or 0)
  local digits = bit.bor(kept, tonumber(ARGV[i + 2]))
  redis.call('HSET', KEYS[2], ARGV[i], digits)
  sums[#sums + 1] = string.format('%.0f', math.min(bytes, 4503599627370496))
  sums[#sums + 1] = digits
end
local count = redis.call('ZCARD', KEYS[1])
if count > most then
  local gone = redis.call('ZPOPMIN', KEYS[1], count - math.floor(most / 2))
  for i = 1, #gone, 2 do redis.call('HDEL', KEYS[2], gone[i]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return sums";

/// Adds what networks of a part owe, each kept as the moment when it will have paid off all, in
/// microseconds. Those that have are forgotten, and of more than there is room for those that owe
/// least. Key: owed. Arguments: most networks, allowance, Unix seconds, then of each network its
/// name and the byte seconds of an hour to add, which may be less than zero. What each owes then.
pub const OWE: &str = "
local most, allowance = tonumber(ARGV[1]), math.max(1, tonumber(ARGV[2]))
local now, sums = tonumber(ARGV[3]) * 1000000, {}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
for i = 4, #ARGV, 2 do
  local free = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or now)
  local owed = (free - now) / 1000000 * allowance + tonumber(ARGV[i + 1])
  owed = math.min(math.max(0, owed), 4503599627370496)
  free = math.min(now + math.ceil(owed / allowance * 1000000), 9000000000000000)
  if free > now then
    redis.call('ZADD', KEYS[1], string.format('%.0f', free), ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
  sums[#sums + 1] = string.format('%.0f', owed)
end
local count = redis.call('ZCARD', KEYS[1])
if count > most then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, count - math.floor(most / 2) - 1)
end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last then
  redis.call('EXPIRE', KEYS[1], string.format('%.0f', math.ceil((last - now) / 1000000) + 1))
end
return sums";

/// Replaces the list of bans if it is still the one that was read. Key: bans. Arguments: the list
/// that was read, the new one, seconds until its last ban ends. Whether it was.
pub const BAN: &str = "
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
return 1";

/// The command that runs a script; arguments are added to it.
pub fn run<K: ToRedisArgs>(script: &str, keys: &[K]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys);
    command
}
