-- One batch: ARGV[1] is MessagePack of {operations, who asks, how to publish, whether its transaction only adds}, an
-- operation {name, arguments...}. It answers with the answers. If something is due earlier than anything was before,
-- or a claim was cancelled, all shall know.

local READS = { peek = true, fetch = true }

local operations, origin, publish, only_adds = unpack(cmsgpack.unpack(ARGV[1]))
local reads = true
for _, operation in ipairs(operations) do
    reads = reads and READS[operation[1]]
end

-- While a slot moves to another node, commands fail for keys that this node does not have, which would end a script in
-- its middle. No node has this key, so the script ends here, with nothing done, and is asked for again.
local missing = redis.pcall('EXISTS', BASE .. 'nothing')
if type(missing) == 'table' then
    if string.find(missing.err, 'non local key', 1, true) then
        return redis.error_reply('TRYAGAIN the keys are being moved to another node')
    end
    return missing
end

-- A server that is out of memory refuses a script whose first write takes some, and lets it do what it will after one
-- that takes none. A script that is refused does not keep the others of its transaction from being done, so all of them
-- begin alike. Claiming and settling take a little and give much.
if only_adds then
    call('ZADD', DUE, 'XX', 0, '')  -- changes nothing, for no task is called that
elseif not reads then
    call('DEL', BASE .. 'nothing')
end

local before, answers = head(), {}
for index, operation in ipairs(operations) do
    answers[index] = OPERATIONS[operation[1]](unpack(operation, 2, 6))
end

if not reads then
    local after = head()
    if earlier(after, before) then
        call(publish, NOTICES, after .. ' ' .. origin)
    end
    if cancelled then
        call(publish, NOTICES, 'cancelled ' .. origin)
    end
    if not after and call('EXISTS', BODY) == 0 then
        call('DEL', TOKEN, STATE, FAILED)
    end
end

return answers
