--- Names and types of what people write in tables: the complaints about wrong ones.
-- A complaint is a sentence or nil; the public functions raise it at their caller's line. All tables
-- are read raw, so that no metamethod runs.
-- @module posta.names

local names = {}

local NOT_YET = "%s: not built: it comes with a later version of posta"

-- Edit distance; two neighbours swapped count as one slip.
local function distance(a, b)
    local before, last = {}, {}
    for j = 0, #b do last[j] = j end
    for i = 1, #a do
        local row = { [0] = i }
        for j = 1, #b do
            local cost = a:byte(i) == b:byte(j) and 0 or 1
            row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
            local is_swap = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
            if is_swap then row[j] = math.min(row[j], before[j - 2] + 1) end
        end
        before, last = last, row
    end
    return last[#b]
end

-- The known name that is likely meant, or nil.
local function nearest(word, known)
    local best, best_distance
    if #word > 40 then return nil end
    for name in next, known do
        local d = distance(word:lower(), name)
        if not best or d < best_distance or (d == best_distance and name < best) then
            best, best_distance = name, d
        end
    end
    if best and best_distance <= math.max(1, math.floor(#word / 3)) then return best end
    return nil
end

local function unknown(key, path, rules)
    local name = ("%s.%s"):format(path, key)
    if rules.later and rules.later[key] then
        return not rules.answers_later and NOT_YET:format(name) or nil
    end
    local moved = rules.moved and rules.moved[key]
    if moved then return ("%s: unknown; write %s"):format(name, moved) end
    local near = nearest(key, rules.known)
    if near then return ("%s: unknown; did you mean %s?"):format(name, near) end
    return name .. ": unknown"
end

--- Complains about the first name (in byte order) of table `t` that `rules` do not know.
-- rules.known[name] is true, or the type that its value must have ("string", "number|function"), or a
-- function(value, path) that answers a complaint.
function names.misuse(t, path, rules)
    local odd
    for key, value in next, t do
        local complaint
        local name = path .. "." .. tostring(key)
        if type(key) ~= "string" then
            complaint = ("%s[%s]: unexpected; the table takes names only"):format(path, tostring(key))
        else
            local rule = rules.known[key]
            if rule == nil then
                complaint = unknown(key, path, rules)
            elseif type(rule) == "function" then
                complaint = rule(value, name)
            elseif rule ~= true then
                complaint = names.wrong_type(value, name, rule)
            end
        end
        if complaint and (not odd or complaint < odd) then odd = complaint end
    end
    return odd
end

--- Complains unless the type of `value` is one of `types` ("string|table").
function names.wrong_type(value, path, types, say)
    local is = type(value)
    for wanted in types:gmatch("[^|]+") do
        if is == wanted then return nil end
    end
    return ("%s: expected %s, got %s"):format(path, say or types:gsub("|", " or "), is)
end

--- The length n of a table whose keys are exactly 1..n (0 for the empty one), else nil.
-- Not `#`, which may be a metamethod's answer.
function names.list_len(t)
    local n = 0
    for _ in next, t do n = n + 1 end
    for i = 1, n do
        if rawget(t, i) == nil then return nil end
    end
    return n
end

return names
