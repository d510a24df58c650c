-- What workers do to occurrences.

-- Greater than any before, also after the store was empty and forgot them.
local function next_token(at)
    local last = tonumber(call('GET', TOKEN) or 0)
    local token = is_whole(last) and is_whole(last + 1) and math.max(last + 1, at) or at
    call('SET', TOKEN, string.format('%.0f', token))
    return token
end

local function due_by(at, limit)
    return call('ZRANGEBYSCORE', DUE, '-inf', at, 'WITHSCORES', 'LIMIT', 0, limit)
end

-- The time, and the due times of what `claim` would get, for those who have to choose between shards.
function OPERATIONS.peek(limit)
    local at = now()
    local found, scores = due_by(at, limit), {}
    for index = 2, #found, 2 do
        table.insert(scores, found[index])
    end
    return { at, scores }
end

local function claim_one(id, score, token, at, lease)
    local state = state_of(call('HGET', STATE, id), score)
    if not is_text(id) then  -- no worker could settle it
        state.failed_at, state.error = at, 'the task id is not UTF-8'
    end
    if not due_of(state) then  -- it cannot be read, or somebody has changed it by hand
        write(id, state)
        return nil
    end
    local body = call('HGET', BODY, id)
    if not body then  -- somebody has deleted it: let the worker see that, and set it aside
        body = '0:'
        call('HSET', BODY, id, body)
    end
    state.token = token
    local attempts = (state.attempts or 0) + 1
    state.attempts = is_whole(attempts) and attempts or 1
    state.leased_until = at + lease
    local packed = cmsgpack.pack(state)
    call('HSET', STATE, id, packed)
    return body, packed
end

-- Answers {now, next due, rows}, where the score in a row is what the task was due at. Whoever asks several shards
-- decides on one time for all.
function OPERATIONS.claim(limit, lease, at)
    at = at or now()
    local answer, leased = { at, false }, {}
    local found = limit > 0 and due_by(at, limit) or {}
    local token = #found > 0 and next_token(at)
    for index = 1, #found, 2 do
        local id = found[index]
        local body, packed = claim_one(id, found[index + 1], token, at, lease)
        if body then
            table.insert(answer, id)
            table.insert(answer, body)
            table.insert(answer, found[index + 1])
            table.insert(answer, packed)
            table.insert(leased, at + lease)
            table.insert(leased, id)
        end
    end
    if #leased > 0 then
        call('ZADD', DUE, unpack(leased))
    end
    answer[2] = head()
    return answer
end

-- The state of a task that is still claimed with this token, or nil.
local function held(id, token)
    local packed = call('HGET', STATE, id)
    local state = packed and state_of(packed)
    if state and state.token == token and exists(id) then
        return state
    end
    return nil
end

-- settlements: {id, token, outcome, run_at, attempts, error or nil, progress or nil}, and for those that have one a child
-- as `put` takes it; answers the positions of the stale ones.
function OPERATIONS.settle(settlements)
    local stale = {}
    for position, settlement in ipairs(settlements) do
        local id, token, outcome, run_at, attempts, text, progress, child = unpack(settlement, 1, 8)
        local state = held(id, token)
        if not state then
            table.insert(stale, position)
        elseif outcome == 'done' then
            forget(id)
        else
            write(id, {
                run_at = run_at,
                attempts = attempts > 0 and attempts or nil,
                paused_at = state.paused_at,
                failed_at = outcome == 'failed' and now() or nil,
                error = text or state.error,
                progress = progress,
            })
        end
        if state and child then
            put(child)
        end
    end
    return stale
end

-- leases: {id, token}; answers the positions of the stale ones, and of those that somebody has cancelled.
function OPERATIONS.renew(leases, lease)
    local stale, given_up = {}, {}
    local leased_until = now() + lease
    for position, item in ipairs(leases) do
        local id = item[1]
        local state = held(id, item[2])
        if state then
            state.leased_until = leased_until
            write(id, state)
            if state.cancelled_at then
                table.insert(given_up, position)
            end
        else
            table.insert(stale, position)
        end
    end
    return { stale, given_up }
end
