-- Where a task is kept. All keys of a shard begin alike, and lie in one hash slot:
--   due     ZSET    task id, by the microsecond at which a worker may claim it; not of paused and failed tasks
--   body    HASH    task id -> "<bytes in group id>:<group id><JSON>"; a task exists if and only if it has a body
--   state   HASH    task id -> MessagePack of what is not its default, but only if that is more than `run_at`
--   group:  SET     the task ids of a group, one key for each group
--   failed  HASH    task id of those that have failed -> since when
--   token   STRING  the last token given out
-- An idle task thus costs a body and a score.

local DUE, BODY, STATE, TOKEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local BASE = string.sub(DUE, 1, -4)
local GROUP, FAILED, NOTICES = BASE .. 'group:', BASE .. 'failed', BASE .. 'notices'

local call = redis.call
local OPERATIONS = {}

-- From 2^53 on a score, which is a float, is not exact any more, and an instant is kept as text.
local EXACT = 9007199254740992

local function now()
    local time = call('TIME')
    return time[1] * 1000000 + time[2]
end

local function earlier(one, other)
    return one and (not other or tonumber(one) < tonumber(other))
end

-- The earliest due time, or false.
local function head()
    return call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2] or false
end

local function exists(id)
    return call('HEXISTS', BODY, id) == 1
end

local NUMBERS, INSTANTS = { 'token', 'attempts' }, { 'paused_at', 'leased_until', 'cancelled_at', 'failed_at' }
local TEXTS = { 'error', 'progress' }

local function is_instant(value)
    local number = tonumber(value)
    return number and math.abs(number) < 1e18 and string.find(value, '^[%d%.e+-]+$')
end

local function is_whole(value)
    return type(value) == 'number' and math.abs(value) < EXACT and value % 1 == 0
end

local function is_state(state)
    if type(state) ~= 'table' or not is_instant(state.run_at) then
        return false
    end
    for name in pairs(state) do
        if type(name) ~= 'string' then  -- no worker could read it, and find the token of its claim
            return false
        end
    end
    for _, name in ipairs(NUMBERS) do
        if state[name] ~= nil and not is_whole(state[name]) then
            return false
        end
    end
    for _, name in ipairs(INSTANTS) do
        if state[name] ~= nil and not is_instant(state[name]) then
            return false
        end
    end
    for _, name in ipairs(TEXTS) do
        if state[name] ~= nil and type(state[name]) ~= 'string' then
            return false
        end
    end
    return true
end

-- The state of a task from what is kept of it; one that somebody has spoilt has failed.
local function state_of(packed, score)
    if packed then
        local fine, state = pcall(cmsgpack.unpack, packed)
        if fine and is_state(state) then
            return state
        end
        return { run_at = is_instant(score) and score or 0, failed_at = now(), error = 'the stored state cannot be read' }
    end
    if is_instant(score) then
        return { run_at = score }
    end
    return { run_at = 0, failed_at = now(), error = 'the stored task has no due time' }
end

local function read(id)
    return state_of(call('HGET', STATE, id), call('ZSCORE', DUE, id))
end

local function due_of(state)
    if state.paused_at or state.failed_at then
        return nil
    end
    return state.leased_until or state.run_at
end

local function is_more_than_due(state)
    for name in pairs(state) do
        if name ~= 'run_at' then
            return true
        end
    end
    return math.abs(tonumber(state.run_at)) >= EXACT
end

-- Write the state, and with it when the task is due; returns that, or nil.
local function write(id, state)
    local due = due_of(state)
    if due then
        call('ZADD', DUE, due, id)
    else
        call('ZREM', DUE, id)
    end
    if state.failed_at then
        call('HSET', FAILED, id, state.failed_at)
    end
    if is_more_than_due(state) then
        call('HSET', STATE, id, cmsgpack.pack(state))
    else
        call('HDEL', STATE, id)
    end
    return due
end

local function group_of(body)
    local size, start = string.match(body, '^(%d+):()')
    if size and size ~= '0' then
        return string.sub(body, start, start + size - 1)
    end
    return nil
end

local function forget(id)
    local body = call('HGET', BODY, id)
    local group = body and group_of(body)
    if group then
        call('SREM', GROUP .. group, id)
    end
    call('HDEL', BODY, id)
    call('HDEL', STATE, id)
    call('HDEL', FAILED, id)
    call('ZREM', DUE, id)
end

-- Let a task be due at `run_at` as if for the first time, whoever has claimed it and however it has failed.
local function begin_anew(id, state, run_at)
    call('HDEL', FAILED, id)
    return write(id, { run_at = run_at, paused_at = state.paused_at, error = state.error, progress = state.progress })
end
