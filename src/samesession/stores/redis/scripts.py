"""Scripts that the server runs in one step, on one key each.

`KEYS[1]` is the key; a comment beside each script describes `ARGV`. Scripts that change something,
or list keys, return their last argument first. It is a word that no other question has, so the
answer cannot be mistaken for another's.
"""

from __future__ import annotations

import hashlib

# ARGV: seconds of a browser session, of a permanent one, and whether a record may have its own
# timeout. The ninth byte selects one of the two; the eleventh to fourteenth hold its own: see
# core.record.
LOAD = """
local record = redis.call('GET', KEYS[1])
if record then
  local flags = string.byte(record, 9) or 0
  local seconds = flags % 2 == 1 and ARGV[2] or ARGV[1]
  if ARGV[3] == '1' and #record >= 14 then
    local own = struct.unpack('>I4', record, 11)
    if own > 0 then seconds = own end
  end
  redis.call('EXPIRE', KEYS[1], seconds)
end
return record
"""

# ARGV: expected revision, new record (empty: delete), seconds to live (empty: unchanged), channel,
# word. A session is published on the channel if it is deleted or, by bytes 30 to 53, gets another
# secret. A user without permission to publish can still write. Answers 1: done, 0: gone, 2: another
# type, or the present record.
COMMIT = """
local front = redis.pcall('GETRANGE', KEYS[1], 0, 53)
if type(front) == 'table' then
  if not string.find(front.err, 'WRONGTYPE', 1, true) then return front end
  return {ARGV[5], 2}
end
if front == '' then return {ARGV[5], 0} end
if ARGV[1] ~= '' and string.sub(front, 1, 8) ~= ARGV[1] then
  return {ARGV[5], redis.call('GET', KEYS[1])}
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
if ARGV[2] == '' or string.sub(ARGV[2], 31, 54) ~= string.sub(front, 31, 54) then
  redis.pcall('PUBLISH', ARGV[4], KEYS[1])
end
return {ARGV[5], 1}
"""

# An owner's keys with the expiry of each note; ARGV: key, seconds to live, word.
ENLIST = """
local now = tonumber(redis.call('TIME')[1])
local swept = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if type(swept) == 'table' then
  if not string.find(swept.err, 'WRONGTYPE', 1, true) then return swept end
  redis.call('DEL', KEYS[1])
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local last = tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
local latest = now + 10000000000
if not last or last > latest then last = latest end
redis.call('EXPIREAT', KEYS[1], string.format('%.0f', last))
return {ARGV[3], 1}
"""

# A page of an owner's keys, each with its expiry; ARGV: cursor, how many, word.
OWNED = """
local page = redis.pcall('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
if page.err then
  if not string.find(page.err, 'WRONGTYPE', 1, true) then return page end
  page = {'0', {}}
end
return {ARGV[3], page}
"""

_DIGESTS = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (LOAD, COMMIT, ENLIST, OWNED)
}


def digest(script: str) -> str:
    """Return the digest by which a server knows a script."""
    return _DIGESTS[script]
