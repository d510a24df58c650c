-- What users do to tasks. Each operation answers with the positions of the ids for which it did nothing.

-- A task {id, body, group or nil, run_at, state or nil}, whose id is free.
local function put(task)
    local id, body, group, run_at, state = task[1], task[2], task[3], task[4], task[5] or {}
    call('HSET', BODY, id, body)
    if group then
        call('SADD', GROUP .. group, id)
    end
    state.run_at = run_at
    write(id, state)
end

-- tasks: as `put` takes them
function OPERATIONS.add(tasks, replace)
    local kept = {}
    for position, task in ipairs(tasks) do
        local id = task[1]
        local old = call('HGET', BODY, id)
        if old and not replace then
            table.insert(kept, position)
        else
            if old then
                forget(id)
            end
            put(task)
        end
    end
    return kept
end

-- One page of a group, of what has failed, {age}, or of everything: the ids, and where to go on, which is "0" at the end.
local function page(group, cursor, count)
    if type(group) == 'string' then
        local found = call('SSCAN', GROUP .. group, cursor, 'COUNT', count)
        return found[2], found[1]
    end
    local found, ids = call('HSCAN', group and FAILED or BODY, cursor, 'COUNT', count), {}
    local last = group and group[1] > 0 and now() - group[1]
    for index = 1, #found[2], 2 do
        if not last or tonumber(found[2][index + 1]) <= last then
            table.insert(ids, found[2][index])
        end
    end
    return ids, found[1]
end

-- An operation on tasks by id, {ids}, and on pages, {false, as `page` takes it}. `change` takes an id and its
-- state and returns the due time that it made, if it made one.
local function on_each(change)
    return function(ids, group, cursor, count)
        local missing, earliest, next_cursor = {}, false, '0'
        if not ids then
            ids, next_cursor = page(group, cursor, count)
        end
        for position, id in ipairs(ids) do
            if exists(id) then
                local due = change(id)
                if earlier(due, earliest) then
                    earliest = due
                end
            else
                table.insert(missing, position)
                if type(group) == 'string' then
                    call('SREM', GROUP .. group, id)
                elseif group then
                    call('HDEL', FAILED, id)
                end
            end
        end
        return { missing, earliest, next_cursor }
    end
end

OPERATIONS.pause = on_each(function(id)
    local state = read(id)
    if not state.paused_at then
        state.paused_at = now()
        write(id, state)
    end
end)

OPERATIONS.resume = on_each(function(id)
    local state = read(id)
    if state.paused_at then
        state.paused_at = nil
        return write(id, state)
    end
end)

OPERATIONS.retry = on_each(function(id)
    local state = read(id)
    if state.failed_at then
        return begin_anew(id, state, now())
    end
end)

local cancelled = false  -- whether a claim was

OPERATIONS.cancel = on_each(function(id)
    local state = read(id)
    if state.leased_until and not state.cancelled_at then
        state.cancelled_at = now()
        write(id, state)
        cancelled = true
    end
end)

OPERATIONS.remove = on_each(forget)

function OPERATIONS.note(id, text)
    if exists(id) then
        local state = read(id)
        state.error = text
        write(id, state)
    end
    return true
end

-- moves: {id, run_at}
function OPERATIONS.move(moves)
    local missing, earliest = {}, false
    for position, move in ipairs(moves) do
        local id, run_at = move[1], move[2]
        if exists(id) then
            local due = begin_anew(id, read(id), run_at)
            if earlier(due, earliest) then
                earliest = due
            end
        else
            table.insert(missing, position)
        end
    end
    return { missing, earliest }
end
