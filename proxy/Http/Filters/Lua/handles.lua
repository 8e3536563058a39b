-- The objects that scripts see, over the host's functions. A host function gives nil and a message where the script is to fail.
local host = ...
local error, type, pairs, tostring, rawget, setmetatable = error, type, pairs, tostring, rawget, setmetatable
local yield = coroutine.yield
local LEVELS = { logTrace = 0, logDebug = 1, logInfo = 2, logWarn = 3, logErr = 4, logCritical = 5 }
local HEADERS, BUFFER, METADATA, INFO, DYNAMIC, STATE, CONNECTION, CONNECTION_INFO, ROUTE, VHOST, STATS, TLS = 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15

local function method(f)
  return function(self, a, b, c)
    local r, e = f(self, a, b, c)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local function object(kind, detail)
  local make, d = host.object, detail or 0
  return function(self)
    local r, e = make(self, kind, d)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local function class(methods, more)
  for name, level in pairs(LEVELS) do
    local log = host.log
    methods[name] = function(self, message)
      local _, e = log(self, level, message)
      if e ~= nil then error(e, 2) end
    end
  end
  local mt = more or {}
  mt.__index = methods
  mt.__metatable = false
  mt.__newindex = function() error("this object cannot be changed", 2) end
  return mt
end
local function wait(f, self, a, b, c)
  local r, e, again = f(self, a, b, c)
  while again do
    yield()
    r, e, again = f(self, a, b, c)
  end
  if e ~= nil then error(e, 3) end
  return r
end

-- headers and trailers
local get, replace, add, remove = host.header_get, host.header_replace, host.header_add, host.header_remove
local next_header = host.header_next
local headers = class({
  get = function(self, name)
    local r, e = get(self, name)
    if e ~= nil then error(e, 2) end
    return r
  end,
  add = function(self, name, value)
    local _, e = add(self, name, value)
    if e ~= nil then error(e, 2) end
  end,
  replace = function(self, name, value)
    local _, e = replace(self, name, value)
    if e ~= nil then error(e, 2) end
  end,
  remove = function(self, name)
    local _, e = remove(self, name)
    if e ~= nil then error(e, 2) end
  end,
  getAtIndex = method(host.header_at),
  getNumValues = method(host.header_count),
  setHttp1ReasonPhrase = method(host.header_reason),
}, {
  __pairs = function(self)
    local cursor = 0
    return function()
      local name, value, at = next_header(self, cursor)
      if name == nil then
        if value ~= nil then error(value, 2) end
        return nil
      end
      cursor = at
      return name, value
    end
  end,
})

local length = host.buffer_length
local buffer = class({ length = method(length), getBytes = method(host.buffer_get), setBytes = method(host.buffer_set) }, {
  __len = function(self)
    local r, e = length(self)
    if e ~= nil then error(e, 2) end
    return r
  end,
})

local function all_pairs(f)
  return function(self)
    local t, e = f(self)
    if e ~= nil then error(e, 2) end
    return pairs(t)
  end
end
local metadata = class({
  get = function(self, key)
    local t, e = host.metadata(self)
    if e ~= nil then error(e, 2) end
    return t[key]
  end,
}, { __pairs = all_pairs(host.metadata) })
local dynamic = class({ get = method(host.dynamic_get), set = method(host.dynamic_set) }, { __pairs = all_pairs(host.dynamic_all) })
local state = class({ get = method(host.state_get), set = method(host.state_set) })

local function info(which)
  local f = host.info
  return function(self)
    local r, e = f(self, which)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local nothing = info(0)
local function tls(which)
  local f = host.tls
  return function(self)
    local r, e = f(self, which)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local ssl = class({
  peerCertificatePresented = tls(1),
  peerCertificateValidated = tls(2),
  uriSanLocalCertificate = tls(3),
  sha256PeerCertificateDigest = tls(4),
  serialNumberPeerCertificate = tls(5),
  issuerPeerCertificate = tls(6),
  subjectPeerCertificate = tls(7),
  uriSanPeerCertificate = tls(8),
  subjectLocalCertificate = tls(9),
  urlEncodedPemEncodedPeerCertificate = tls(10),
  urlEncodedPemEncodedPeerCertificateChain = tls(11),
  dnsSansPeerCertificate = tls(12),
  dnsSansLocalCertificate = tls(13),
  validFromPeerCertificate = tls(14),
  expirationPeerCertificate = tls(15),
  sessionId = tls(16),
  ciphersuiteId = tls(17),
  ciphersuiteString = tls(18),
  tlsVersion = tls(19),
})
local has_tls, make_tls = host.has_tls, host.object
local function ssl_of(self)
  local there, e = has_tls(self)
  if e ~= nil then error(e, 2) end
  if not there then return nil end
  return (make_tls(self, TLS, 0))
end
local stream_info = class({
  protocol = info(1),
  routeName = info(2),
  virtualClusterName = function(self) info(0)(self) return "" end,
  downstreamLocalAddress = info(3),
  downstreamDirectLocalAddress = info(3),
  downstreamDirectRemoteAddress = info(4),
  downstreamRemoteAddress = info(5),
  requestedServerName = info(6),
  dynamicMetadata = object(DYNAMIC),
  dynamicTypedMetadata = nothing,
  filterState = object(STATE),
  downstreamSslConnection = ssl_of,
  drainConnectionUponCompletion = method(host.drain),
})
local connection = class({ ssl = ssl_of })
local connection_info = class({
  dynamicMetadata = object(DYNAMIC, 1),
  dynamicTypedMetadata = function() return nil end,
})
local route = class({ metadata = object(METADATA, 1) })
local vhost = class({ metadata = object(METADATA, 2) })
local key = class({ get = function(self) return self end })

-- stats
local stat_add = host.stat_add
local function adds(sign)
  return function(self, n)
    local _, e = stat_add(self, sign * n, false)
    if e ~= nil then error(e, 2) end
  end
end
local function steps(n)
  return function(self)
    local _, e = stat_add(self, n, false)
    if e ~= nil then error(e, 2) end
  end
end
local stat = class({
  inc = steps(1), dec = steps(-1), add = adds(1), sub = adds(-1), recordValue = adds(1),
  set = function(self, n)
    local _, e = stat_add(self, n, true)
    if e ~= nil then error(e, 2) end
  end,
  value = method(host.stat_value),
})
local function find_stat(kind)
  return function(self, name)
    local r, e = host.stat(self, kind, name)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local stats = class({ counter = find_stat(0), gauge = find_stat(1), histogram = find_stat(2) })

-- the stream handle
EnvoyTimestampResolution = { MILLISECOND = 0, MICROSECOND = 1 }
local get_headers, get_chunk, call, answer = host.headers, host.chunk, host.call, host.answer
local function each_chunk(self) return wait(get_chunk, self) end
local handle = class({
  headers = function(self)
    local r, e = get_headers(self)
    if e ~= nil then error(e, 2) end
    return r
  end,
  body = function(self, always) return wait(host.body, self, always and true or false) end,
  bodyChunks = function(self) return each_chunk, self end,
  trailers = function(self) return wait(host.trailers, self) end,
  httpCall = function(self, cluster, fields, body, options, asynchronous)
    local timeout, duplicates, xff = options, false, true
    if type(options) == "table" then
      timeout, asynchronous, duplicates = options.timeout_ms or 0, options.asynchronous, options.return_duplicate_headers
      if options.send_xff ~= nil then xff = options.send_xff end
    end
    local _, e, again = call(self, cluster, fields, body, timeout, asynchronous and true or false, xff)
    if e ~= nil then error(e, 2) end
    if not again then return end
    yield()
    local t, text = answer(self, duplicates and true or false)
    if t == nil then error(text, 2) end
    return t, text
  end,
  respond = function(self, fields, body)
    local _, e = host.respond(self, fields, body)
    if e ~= nil then error(e, 2) end
    while true do yield() end
  end,
  metadata = object(METADATA),
  streamInfo = object(INFO),
  connection = object(CONNECTION),
  connectionStreamInfo = object(CONNECTION_INFO),
  route = object(ROUTE),
  virtualHost = object(VHOST),
  stats = object(STATS),
  context = method(host.context),
  filterContext = method(host.filter_context),
  setUpstreamOverrideHost = method(host.override_host),
  clearRouteCache = method(host.clear_route_cache),
  base64Escape = method(host.base64),
  importPublicKey = method(host.import_key),
  verifySignature = function(self, hash, pubkey, signature, signatureLength, data, dataLength)
    local ok, e = host.verify(self, hash, pubkey, signature, signatureLength, data, dataLength)
    if ok == nil then error(e, 2) end
    return ok, e
  end,
  timestamp = function(self, resolution)
    local r, e = host.timestamp(self, resolution == 1)
    if e ~= nil then error(e, 2) end
    return r
  end,
  timestampString = function(self, resolution)
    local r, e = host.timestamp(self, resolution == 1)
    if e ~= nil then error(e, 2) end
    return tostring(r)
  end,
})

-- ours: dictionaries over all workers
local shared = host.shared
local function shared_method(op)
  return function(self, k, value, ttl, initial)
    local r, e = shared(rawget(self, "name"), op, k, value, ttl, initial)
    if e ~= nil then error(e, 2) end
    return r
  end
end
local dictionary = {
  __metatable = false,
  __index = {
    get = shared_method(1), set = shared_method(2), add = shared_method(3), delete = shared_method(5),
    incr = function(self, k, by, initial, ttl)
      local r, e = shared(rawget(self, "name"), 4, k, by or 1, ttl, initial or 0)
      if e ~= nil then error(e, 2) end
      return r
    end,
  },
}
managed = {
  shared = function(name)
    if type(name) ~= "string" then error("name expected (string)", 2) end
    return setmetatable({ name = name }, dictionary)
  end,
}

return { handle, headers, buffer, metadata, stream_info, dynamic, state, connection, connection_info, route, vhost, key, stats, stat, ssl }
