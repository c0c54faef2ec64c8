-- What scripts see of Lua, and how they are started.
--
-- Scripts share one state, and nothing of one may reach the next: every table that outlives a
-- script is shown to it as an empty stand-in that reads through and cannot be written. Functions
-- that would write past a stand-in's metatable, or catch an error of the server as it travels
-- through Lua, are wrapped here. What needs a check of its arguments in C's words, or must not be
-- Lua's own code because that has no limits, is native: a function of the server.

local native, is_eval = ...

local error, getmetatable, rawget, rawset, next, type = error, getmetatable, rawget, rawset, next, type
local setmetatable, pcall, xpcall, unpack, pairs = setmetatable, pcall, xpcall, unpack, pairs
local tonumber = tonumber
local insert, remove, sort, concat = table.insert, table.remove, table.sort, table.concat
local resume = coroutine.resume
local collectgarbage, select = collectgarbage, select
local argument_error, plain, wrong_insert = native.argument_error, native.plain, native.wrong_insert
local READONLY = 'Attempt to modify a readonly table'

-- Stand-in -> the table behind it.
local behind = {}
-- Stand-in -> what getmetatable says of it.
local shown_metatable = {}

local function refuse()
  error(READONLY, 2)
end

local function protect(real, metatable)
  local stand_in = setmetatable({}, { __index = real, __newindex = refuse })
  behind[stand_in] = real
  shown_metatable[stand_in] = metatable
  return stand_in
end

-- Where C wants a number, a string that holds one will do.
local function number(value)
  return type(value) == 'string' and tonumber(value) or value
end

-- Globals -------------------------------------------------------------------------------------

local function missing(_, name)
  local kind = type(name)
  if kind ~= 'string' and kind ~= 'number' then
    error('Second argument to luaProtectedTableError must be a string or number', 2)
  end
  error("Script attempted to access nonexistent global variable '" .. name .. "'", 2)
end

local globals = setmetatable({}, { __index = missing })
local environment = {}
local environment_metatable = { __index = globals, __newindex = refuse }
setmetatable(environment, environment_metatable)
behind[environment] = globals
shown_metatable[environment] = protect({ __index = missing })
local string_metatable = protect({ __index = protect(string) })

for _, name in next, {
  'assert', 'error', 'gcinfo', 'ipairs', 'rawequal', 'select', 'tonumber', 'tostring', 'type', '_VERSION',
} do
  globals[name] = _G[name]
end
globals._G = environment

function globals.getmetatable(object)
  if behind[object] then
    return shown_metatable[object]
  elseif type(object) == 'string' then
    return string_metatable
  end
  return getmetatable(object)
end

function globals.setmetatable(object, metatable, ...)
  if behind[object] then
    error(READONLY, 0)
  elseif type(object) ~= 'table' then
    return argument_error(1, 'setmetatable', 'table', object)
  elseif type(metatable) ~= 'table' and metatable ~= nil then
    return argument_error(2, 'setmetatable', 'nil or table')
  end
  local old = getmetatable(object)
  if old and rawget(old, '__metatable') ~= nil then
    error('cannot change a protected metatable', 2)
  end
  return setmetatable(object, metatable)
end

function globals.rawget(object, key)
  if type(object) ~= 'table' then
    return argument_error(1, 'rawget', 'table', object)
  end
  return rawget(behind[object] or object, key)
end

function globals.rawset(object, key, value)
  if behind[object] then
    error(READONLY, 0)
  elseif type(object) ~= 'table' then
    return argument_error(1, 'rawset', 'table', object)
  elseif key == nil then
    error('table index is nil', 2)
  elseif key ~= key then
    error('table index is NaN', 2)
  end
  return rawset(object, key, value)
end

local function next_of(object, key)
  if type(object) ~= 'table' then
    return argument_error(1, 'next', 'table', object)
  end
  return next(behind[object] or object, key)
end

globals.next = next_of

function globals.pairs(object)
  if behind[object] then
    return next_of, object, nil
  elseif type(object) ~= 'table' then
    return argument_error(1, 'pairs', 'table', object)
  end
  return next, object, nil
end

-- Indices beyond what C's integers hold never reach C, and never more values than its stack takes.
function globals.unpack(list, from, to)
  if type(list) ~= 'table' then
    return argument_error(1, 'unpack', 'table', list)
  end
  from, to = number(from), number(to)
  if from ~= nil and type(from) ~= 'number' then
    return argument_error(2, 'unpack', 'number', from)
  elseif to ~= nil and type(to) ~= 'number' then
    return argument_error(3, 'unpack', 'number', to)
  end
  if from == nil and to == nil and #list < 8000 then
    return unpack(list)
  end
  from, to = from or 1, to or #list
  if not (from > to) and not (to - from < 7990 and from > -2 ^ 31 and to < 2 ^ 31) then
    error('too many results to unpack', 2)
  elseif from > to then
    return
  end
  return unpack(list, from, to)
end

-- Errors of the server travel through Lua as userdata: see them as scripts expect them.
local function caught(ok, ...)
  if ok then
    return true, ...
  end
  return false, plain((...), true)
end

function globals.pcall(...)
  return caught(pcall(...))
end

function globals.xpcall(f, handler)
  return xpcall(f, function(reason)
    return handler(plain(reason, false))
  end)
end

local function resumed(ok, ...)
  if ok then
    return true, ...
  end
  return false, plain((...), false)
end

globals.coroutine = protect({
  create = coroutine.create,
  resume = function(thread, ...)
    if type(thread) ~= 'thread' then
      return argument_error(1, 'resume', 'coroutine')
    end
    return resumed(resume(thread, ...))
  end,
  running = coroutine.running,
  status = coroutine.status,
  wrap = coroutine.wrap,
  yield = coroutine.yield,
})

-- A collector that stays switched off would be a leak that outlives the script.
function globals.collectgarbage(option, argument)
  if option == 'stop' or option == 'restart' or option == 'setpause' or option == 'setstepmul' then
    return 0
  elseif option == 'count' or option == 'step' or option == 'collect' or option == nil then
    return collectgarbage(option, argument)
  end
  return native.bad_option(option)
end

globals.loadstring = function(text, name)
  return native.load(text, name, environment, 'loadstring')
end

-- The text is gathered before it is compiled: no code of the script runs inside of the compiler.
globals.load = function(reader, name)
  if type(reader) ~= 'function' then
    return argument_error(1, 'load', 'function', reader)
  end
  local pieces, count, bytes = {}, 0, 0
  while true do
    local piece = reader()
    if piece == nil or piece == '' then
      break
    elseif type(piece) ~= 'string' and type(piece) ~= 'number' then
      return nil, native.position() .. 'reader function must return a string'
    end
    count, bytes = count + 1, bytes + #(piece .. '')
    if bytes > native.source_bytes_max then
      return nil, 'chunk is too long'
    end
    pieces[count] = piece
  end
  return native.load(concat(pieces), name or '=(load)', environment, 'load')
end

-- Libraries -----------------------------------------------------------------------------------

local match_from = native.match_from

-- Matching is native: C's has no limit to its recursion, nor to its time.
local strings = {}

function strings.gmatch(text, pattern)
  text, pattern = native.check_match('gmatch', text, pattern)
  local at = 1
  local function step(from, to, ...)
    if from then
      at = to >= from and to + 1 or from + 1
      return ...
    end
  end
  return function()
    return step(match_from(text, pattern, at, false))
  end
end

strings.gfind = strings.gmatch

function strings.gsub(text, pattern, replacement, limit)
  local kind = type(replacement)
  if kind ~= 'table' and kind ~= 'function' then
    return native.gsub(text, pattern, replacement, limit)
  end
  text, pattern, limit = native.check_match('gsub', text, pattern, limit)
  local pieces, count, at, matches, length = {}, 0, 1, 0, #text
  local anchored = pattern:byte() == 94

  local function step(from, to, ...)
    if not from then
      return false
    end
    local value
    if kind == 'table' then
      value = replacement[(...)]
    else
      value = replacement(...)
    end
    if not value then
      value = text:sub(from, to)
    elseif type(value) ~= 'string' and type(value) ~= 'number' then
      error(native.position() .. 'invalid replacement value (a ' .. type(value) .. ')', 0)
    end
    pieces[count + 1], pieces[count + 2] = text:sub(at, from - 1), value
    count, matches, at = count + 2, matches + 1, to + 1
    if to < from then
      if from > length then
        return false
      end
      count = count + 1
      pieces[count], at = text:sub(from, from), from + 1
    end
    return not anchored
  end

  while matches < limit and step(match_from(text, pattern, at, true)) do end
  pieces[count + 1] = text:sub(at)
  return concat(pieces), matches
end

local function copy(from, changes)
  local to = {}
  for name, value in pairs(from) do
    to[name] = value
  end
  for name, value in pairs(changes) do
    to[name] = value
  end
  return to
end

strings = copy(copy(string, native.string), strings)
globals.string = protect(strings)
-- Methods of strings are the same functions.
getmetatable('').__index = strings
behind[string_metatable].__index = globals.string

globals.math = protect(copy(math, native.math))

globals.table = protect(copy(table, {
  insert = function(list, ...)
    if behind[list] then
      error(READONLY, 0)
    elseif type(list) ~= 'table' then
      return argument_error(1, 'insert', 'table', list)
    end
    local count = select('#', ...)
    if count == 1 then
      return insert(list, (...))
    elseif count ~= 2 then
      return wrong_insert()
    end
    local at, value = ...
    at = number(at)
    if type(at) ~= 'number' then
      return argument_error(2, 'insert', 'number', at)
    elseif not (at > -2 ^ 24 and at < 2 ^ 31) then
      -- C would move that many elements, which no table has, and could not be stopped.
      error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    return insert(list, at, value)
  end,
  remove = function(list, ...)
    if type(list) ~= 'table' then
      return argument_error(1, 'remove', 'table', list)
    end
    local at = number((...))
    if at ~= nil and type(at) ~= 'number' then
      return argument_error(2, 'remove', 'number', at)
    elseif behind[list] then
      return
    end
    return remove(list, at)
  end,
  sort = function(list, less)
    if type(list) ~= 'table' then
      return argument_error(1, 'sort', 'table', list)
    elseif less ~= nil and type(less) ~= 'function' then
      return argument_error(2, 'sort', 'function', less)
    elseif behind[list] then
      return
    end
    return sort(list, less)
  end,
}))

for _, name in next, { 'os', 'cjson', 'cmsgpack', 'struct', 'bit' } do
  globals[name] = protect(native[name])
end

local server = protect(native.server)
globals.redis, globals.server = server, server

-- Libraries of functions are loaded among other globals than their functions run in.
local loading = setmetatable({}, { __index = missing })
loading.server = protect(setmetatable(native.loading, { __index = missing }))
loading.redis = loading.server

-- Starting ------------------------------------------------------------------------------------

local failed = native.failed

if is_eval then
  globals.__redis__err__handler, globals.__server__err__handler = failed, failed
end

-- These two may put in order what they changed even if the script is killed. (A call at the end of a
-- function would be taken for one of the script's.)
local function eval(f, keys, argv)
  globals.KEYS, globals.ARGV = keys, argv
  local ok, value = xpcall(f, failed)
  globals.KEYS, globals.ARGV = nil, nil
  return ok, value
end

local function call(f, keys, argv)
  return xpcall(function()
    return f(keys, argv)
  end, failed)
end

local function load_library(f)
  environment_metatable.__index = loading
  local ok, reason = xpcall(f, failed)
  environment_metatable.__index = globals
  return ok, reason
end

return environment, is_eval and eval or call, load_library
