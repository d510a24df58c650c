-- What others see. A row is id, body, score, state; what there is not is false.

-- Answers {cursor, rows}: of the ids, or of one page as `on_each` takes it.
function OPERATIONS.fetch(ids, group, cursor, count)
    local next_cursor, rows = '0', {}
    if not ids then
        ids, next_cursor = page(group, cursor, count)
    end
    for _, id in ipairs(ids) do
        local body = call('HGET', BODY, id)
        if body then
            table.insert(rows, id)
            table.insert(rows, body)
            table.insert(rows, call('ZSCORE', DUE, id))
            table.insert(rows, call('HGET', STATE, id))
        end
    end
    return { next_cursor, rows }
end
