-- The sandbox and the prelude for scripts written for Lua 5.1. Runs once per state, before the script; whatever a script then
-- changes in its globals, the locals here stay what they were.
local host = ...
local error, type, select, rawget, rawlen, tostring, pairs = error, type, select, rawget, rawlen, tostring, pairs
local setmetatable, getmetatable, pcall, load = setmetatable, getmetatable, pcall, load
local rawmeta = debug.getmetatable
local yield, resume, create, status, running, isyieldable =
  coroutine.yield, coroutine.resume, coroutine.create, coroutine.status, coroutine.running, coroutine.isyieldable
local unpack, pack = table.unpack, table.pack

-- No way out of the state.
io, package, require, dofile, loadfile, debug, warn = nil, nil, nil, nil, nil, nil, nil
os = { time = os.time, clock = os.clock, date = os.date, difftime = os.difftime }
string.dump = nil
-- Both run __close code of a coroutine where no budget can stop it.
coroutine.close = nil
local watch = host.watch
local function watched(f)
  local co = create(f)
  watch(co)
  return co
end
coroutine.create = watched
function coroutine.wrap(f)
  local co = watched(f)
  local function out(ok, ...)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...) return out(resume(co, ...)) end
end
-- A message handler would run inside the hook that stops a script, where no hook is called; here it runs behind the failure.
function xpcall(f, handler, ...)
  local function finish(ok, ...)
    if ok then return true, ... end
    return false, handler(...)
  end
  return finish(pcall(f, ...))
end
function collectgarbage(what)
  if what == "count" then return host.memory() / 1024 end
  if what == nil or what == "collect" or what == "step" then return 0 end
  error("collectgarbage: only 'count' and 'collect' are available", 2)
end

-- Finalizers run with hooks off.
local set = setmetatable
function _G.setmetatable(t, mt)
  if type(mt) == "table" and (rawget(mt, "__gc") ~= nil or rawget(mt, "__close") ~= nil) then
    error("__gc and __close are not available to scripts", 2)
  end
  return set(t, mt)
end

-- What the functions of the language take, in bytes and elements: each is done within some milliseconds (docs/lua.md has the table).
local charge = host.charge
local most_code, most_text, most_number, most_format, most_arguments = 65536, 1048576, 4096, 4096, 250
local limit = 250000
local function sized(name, s, most, per)
  if type(s) ~= "string" then return end
  if #s > most then error(name .. ": more than " .. most .. " bytes", 3) end
  if #s > 64 then charge(#s // per) end
end
-- Text only, and the environment stays the caller's choice.
local function compile(chunk, name, mode, ...)
  if type(chunk) == "function" then
    local parts, n, size = {}, 0, 0
    while true do
      local part = chunk()
      if part == nil or part == "" then break end
      if type(part) ~= "string" then return nil, "reader function must return a string" end
      n, size = n + 1, size + #part
      if size > most_code then break end
      parts[n] = part
    end
    chunk = table.concat(parts)
    if size > most_code then return nil, "load: more than " .. most_code .. " bytes" end
  end
  if type(chunk) == "string" then
    if #chunk > most_code then return nil, "load: more than " .. most_code .. " bytes" end
    charge(100 + #chunk * 5)
  end
  if select("#", ...) > 0 then return load(chunk, name or "=(load)", "t", (...)) end
  return load(chunk, name or "=(load)", "t")
end
_G.load = compile
loadstring = compile

-- C loops that a script could make endless with few instructions.
for _, name in ipairs({ "len", "offset", "codepoint" }) do
  local f = utf8[name]
  utf8[name] = function(s, ...)
    sized("utf8." .. name, s, most_text, 4)
    return f(s, ...)
  end
end
for _, name in ipairs({ "upper", "lower", "reverse" }) do
  local f = string[name]
  string[name] = function(s, ...)
    sized(name, s, most_text, 4)
    return f(s, ...)
  end
end
local number = tonumber
function tonumber(...)
  sized("tonumber", (...), most_number, 2)
  return number(...)
end
local function bounded(name, from, to)
  if type(from) == "number" and type(to) == "number" and to - from > limit then
    error(name .. ": more than " .. limit .. " elements", 3)
  end
  if type(from) == "number" and type(to) == "number" and to - from > 64 then charge((to - from) // 1) end
end
local byte, char, codes = string.byte, string.char, utf8.char
function string.byte(s, i, j)
  if type(j) == "number" and type(s) == "string" then
    local first, last = i or 1, #s
    if type(first) == "number" then bounded("byte", first < 0 and last + first + 1 or first, j < 0 and last + j + 1 or j < last and j or last) end
  end
  return byte(s, i, j)
end
local function counted(name, most, f)
  return function(...)
    local n = select("#", ...)
    if n > most then error(name .. ": more than " .. most .. " elements", 2) end
    if n > 64 then charge(n * 2) end
    return f(...)
  end
end
string.char, utf8.char = counted("char", limit, char), counted("utf8.char", 50000, codes)
local format = string.format
function string.format(f, ...)
  local n = select("#", ...)
  if n > most_arguments then error("format: more than " .. most_arguments .. " arguments", 2) end
  sized("format", f, most_format, 1)
  charge(n * 20)
  for i = 1, n do sized("format", (select(i, ...)), most_text, 4) end
  return format(f, ...)
end
local padding = host.padding
local function formatted(name, f)
  return function(layout, ...)
    sized(name, layout, 256, 1)
    if type(layout) == "string" then
      local pad = padding(layout)
      if pad > most_text then error(name .. ": more than " .. most_text .. " bytes", 2) end
      charge(pad // 8)
    end
    charge(select("#", ...) * 20)
    return f(layout, ...)
  end
end
string.pack, string.unpack, string.packsize = formatted("pack", string.pack), formatted("unpack", string.unpack), formatted("packsize", string.packsize)
local date, time = os.date, os.time
function os.date(layout, ...)
  sized("date", layout, 256, 1)
  charge(200)
  return date(layout, ...)
end
function os.time(...)
  charge(200)
  return time(...)
end
-- To standard output it would write past all limits of the log.
function print() end
local function plain(name, t)
  local mt = rawmeta(t)
  if type(t) ~= "table" then error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(t) .. ")", 3) end
  if mt and rawget(mt, "__len") ~= nil then error(name .. ": a table with __len is not taken", 3) end
  return rawlen(t)
end
local concat, insert, remove, sort, move = table.concat, table.insert, table.remove, table.sort, table.move
function table.concat(t, sep, i, j)
  local n = plain("concat", t)
  local first, last = i or 1, j or n
  if type(first) == "number" and type(last) == "number" and last - first > 50000 then error("concat: more than 50000 elements", 2) end
  if n > 64 then charge(n * 5) end
  return concat(t, sep, i or 1, j or n)
end
function table.insert(t, ...)
  local n = plain("insert", t)
  if n > 64 and select("#", ...) > 1 then
    if n > limit then error("insert: more than " .. limit .. " elements", 2) end
    charge(n // 2)
  end
  return insert(t, ...)
end
function table.remove(t, ...)
  local n = plain("remove", t)
  if n > 64 and select("#", ...) > 0 then
    if n > limit then error("remove: more than " .. limit .. " elements", 2) end
    charge(n // 2)
  end
  return remove(t, ...)
end
function table.sort(t, by)
  local n = plain("sort", t)
  if n > 100000 then error("sort: more than 100000 elements", 2) end
  charge(n * 8)
  -- Comparing long strings is work, and so is comparing many things: then in Lua, where it is counted.
  if by == nil then
    local quick = n <= 10000
    for i = 1, quick and n or 0 do
      local v = t[i]
      if type(v) == "string" and #v > 64 then quick = false break end
    end
    if not quick then by = function(a, b) return a < b end end
  end
  return sort(t, by)
end
function table.move(from, first, last, ...)
  bounded("move", first, last)
  return move(from, first, last, ...)
end
table.unpack = function(t, i, j)
  bounded("unpack", i or 1, j or plain("unpack", t))
  return unpack(t, i or 1, j or rawlen(t))
end

local rep = string.rep
local largest = host.limit() < 2097152 and host.limit() or 2097152
function string.rep(s, n, sep)
  if type(s) == "number" then s = tostring(s) end
  if type(s) ~= "string" then error("bad argument #1 to 'rep' (string expected, got " .. type(s) .. ")", 2) end
  local size = #s + (sep and #tostring(sep) or 0)
  if size == 0 then return "" end
  if type(n) == "number" and n * size > largest then error("rep: resulting string too large", 2) end
  if type(n) == "number" and n > 1024 then
    -- Each copy is a call in C: few large ones instead of many small.
    local one = sep and s .. sep or s
    local many = rep(one, 1024)
    n = n // 1 - 1
    return rep(many, n // 1024) .. rep(one, n % 1024) .. s
  end
  return rep(s, n, sep)
end

-- Patterns: matched by the host, which counts its steps; Lua's own matcher can backtrack for hours.
local function subject(name, s, p)
  local kind = type(s)
  if kind == "number" then s = tostring(s) elseif kind ~= "string" then
    error("bad argument #1 to '" .. name .. "' (string expected, got " .. (s == nil and "no value" or kind) .. ")", 3)
  end
  kind = type(p)
  if kind == "number" then p = tostring(p) elseif kind ~= "string" then
    error("bad argument #2 to '" .. name .. "' (string expected, got " .. (p == nil and "no value" or kind) .. ")", 3)
  end
  return s, p
end
local find = host.find -- (subject, pattern, init, plain) -> false | first, last, captures... | nil, error
local function found(first, last, ...)
  if first == nil then error(last, 3) end
  if not first then return nil end
  return first, last, ...
end
function string.find(s, p, init, raw)
  s, p = subject("find", s, p)
  return found(find(s, p, init or 1, raw and true or false))
end
local function captures(s, first, last, ...)
  if first == nil then error(last, 3) end
  if not first then return nil end
  if select("#", ...) == 0 then return s:sub(first, last) end
  return ...
end
function string.match(s, p, init)
  s, p = subject("match", s, p)
  return captures(s, find(s, p, init or 1, false))
end
function string.gmatch(s, p)
  s, p = subject("gmatch", s, p)
  local at, ended = 1, -1
  local function step(first, last, ...)
    if first == nil then error(last, 3) end
    if not first then at = #s + 2 return nil end
    at = last + 1
    if last < first and last == ended then -- an empty match where the last one ended does not count
      at = at + 1
      if at > #s + 1 then return nil end
      ended = -1
      return step(find(s, p, at, false))
    end
    ended = last
    if last < first then at = last + 1 end
    if select("#", ...) == 0 then return s:sub(first, last) end
    return ...
  end
  return function()
    if at > #s + 1 then return nil end
    return step(find(s, p, at, false))
  end
end
string.gfind = string.gmatch
function string.gsub(s, p, r, most)
  s, p = subject("gsub", s, p)
  local kind = type(r)
  if kind == "number" then r, kind = tostring(r), "string" end
  if kind ~= "string" and kind ~= "table" and kind ~= "function" then
    error("bad argument #3 to 'gsub' (string/function/table expected, got " .. (r == nil and "no value" or kind) .. ")", 2)
  end
  local anchored = p:sub(1, 1) == "^"
  local parts, n, at, count, size = {}, 0, 1, 0, #s
  local function replace(first, last, ...)
    local whole = s:sub(first, last)
    local value
    if kind == "string" then
      local text, e = host.expand(r, whole, ...)
      if e then error(e, 4) end
      return text
    elseif kind == "table" then
      local key = ...
      if select("#", ...) == 0 then key = whole end
      value = r[key]
    elseif select("#", ...) == 0 then
      value = r(whole)
    else
      value = r(...)
    end
    if not value then return whole end
    local kind2 = type(value)
    if kind2 == "number" then return tostring(value) end
    if kind2 ~= "string" then error("invalid replacement value (a " .. kind2 .. ")", 4) end
    return value
  end
  local function step(first, last, ...)
    if first == nil then error(last, 3) end
    if not first then return false end
    if first > at then n = n + 1 parts[n] = s:sub(at, first - 1) end
    n = n + 1
    parts[n] = replace(first, last, ...)
    count = count + 1
    if last < first then -- empty: the next byte is copied
      if first <= size then n = n + 1 parts[n] = s:sub(first, first) end
      at = first + 1
    else
      at = last + 1
    end
    return true
  end
  local ended = 0
  while (not most or count < most) and at <= size + 1 do
    local r1 = pack(find(s, p, at, false))
    if r1[1] and r1[2] < r1[1] and r1[2] == ended and r1[1] == at and count > 0 then
      -- an empty match right behind the last one
      if at <= size then n = n + 1 parts[n] = s:sub(at, at) end
      at = at + 1
      ended = -1
    else
      if not step(unpack(r1, 1, r1.n)) then break end
      if r1[2] >= r1[1] then ended = r1[2] else ended = -1 end
    end
    if anchored then break end
  end
  if at <= size then n = n + 1 parts[n] = s:sub(at) end
  return concat(parts, "", 1, n), count
end
local meta = rawmeta("")
meta.__metatable = false
-- Arithmetic reads a string as a number.
for _, op in ipairs({ "__add", "__sub", "__mul", "__mod", "__pow", "__div", "__idiv", "__unm" }) do
  local f = meta[op]
  meta[op] = function(a, b)
    if type(a) == "string" and #a > most_number or type(b) == "string" and #b > most_number then error("arithmetic on a string of more than " .. most_number .. " bytes", 2) end
    return f(a, b)
  end
end

-- Lua 5.1 and LuaJIT names.
_G.unpack = table.unpack
function table.getn(t) return plain("getn", t) end
function table.maxn(t)
  local most = 0
  for k in pairs(t) do if type(k) == "number" and k > most then most = k end end
  return most
end
function table.foreach(t, f)
  for k, v in pairs(t) do
    local r = f(k, v)
    if r ~= nil then return r end
  end
end
function table.foreachi(t, f)
  for i = 1, #t do
    local r = f(i, t[i])
    if r ~= nil then return r end
  end
end
math.pow = function(x, y) return x ^ y end
math.log10 = function(x) return math.log(x, 10) end
math.mod = math.fmod
math.ldexp = function(m, e) return m * 2.0 ^ e end
math.cosh = function(x) return (math.exp(x) + math.exp(-x)) / 2 end
math.sinh = function(x) return (math.exp(x) - math.exp(-x)) / 2 end
math.tanh = function(x) local a, b = math.exp(x), math.exp(-x) return (a - b) / (a + b) end
local function word(x)
  x = math.tointeger(x) or math.floor(x)
  x = x & 0xffffffff
  if x >= 0x80000000 then x = x - 0x100000000 end
  return x
end
bit = {
  tobit = word,
  band = function(a, ...) for i = 1, select("#", ...) do a = a & (select(i, ...)) end return word(a) end,
  bor = function(a, ...) for i = 1, select("#", ...) do a = a | (select(i, ...)) end return word(a) end,
  bxor = function(a, ...) for i = 1, select("#", ...) do a = a ~ (select(i, ...)) end return word(a) end,
  bnot = function(a) return word(~a) end,
  lshift = function(a, n) return word((a & 0xffffffff) << (n & 31)) end,
  rshift = function(a, n) return word((a & 0xffffffff) >> (n & 31)) end,
  arshift = function(a, n) return word(word(a) // (1 << (n & 31))) end,
  tohex = function(a) return string.format("%08x", a & 0xffffffff) end,
}
