-- Whether a string is UTF-8, as all are that we have written: Lua has no function for that.
-- The sequences are those of RFC 3629, section 4.

local SEQUENCES = {
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]',
    '\237[\128-\159][\128-\191]',
    '[\225-\236\238\239][\128-\191][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]',
    '\244[\128-\143][\128-\191][\128-\191]',
}

local function is_text(value)
    if string.find(value, '[\128-\255]') then
        for _, sequence in ipairs(SEQUENCES) do
            value = string.gsub(value, sequence, ' ')
        end
    end
    return not string.find(value, '[\128-\255]')
end
