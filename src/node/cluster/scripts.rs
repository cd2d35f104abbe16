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

/// Adds what a network took. Key: taken. Arguments: bytes, bits of first digits, seconds until the
/// count ends. The sums.
pub const TAKE: &str = "
local bytes = redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[1])
local digits = bit.bor(tonumber(redis.call('HGET', KEYS[1], 'digits') or 0), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'digits', digits)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {bytes, digits}";

/// Adds what a network owes. Key: owed. Arguments: byte seconds of an hour to add, which may be
/// less than zero, allowance, Unix seconds. What it owes then.
pub const OWE: &str = "
local kept = redis.call('HMGET', KEYS[1], 'owed', 'at')
local owed, at = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
local now = math.max(at, tonumber(ARGV[3]))
owed = math.max(0, owed - tonumber(ARGV[2]) * (now - at))
owed = math.min(math.max(0, owed + tonumber(ARGV[1])), 4503599627370496)
local text = string.format('%.0f', owed)
if owed == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'owed', text, 'at', string.format('%.0f', now))
  redis.call('EXPIRE', KEYS[1], string.format('%.0f', math.ceil(owed / tonumber(ARGV[2])) + 1))
end
return text";

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
