-- What no other operation is sure to do in a rehearsal. Listeners pass over what is no time.
function OPERATIONS.rehearse(publish)
    call('SET', BASE .. 'nothing', '')
    call('GET', BASE .. 'nothing')
    call('DEL', BASE .. 'nothing')
    call(publish, NOTICES, '')
    return true
end
