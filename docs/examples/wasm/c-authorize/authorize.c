/*
 * Asks a service about each request before it goes on. The service gets the request's authorization field, its method and its path; 200 lets
 * the request through (with the service's x-user, if it gives one), anything else is answered 403, no answer 503.
 * Configuration: the service's cluster and the path to ask, with a space between, e.g. "auth /check".
 */
#include "proxy_wasm.h"

enum { MAX_CALLS = 100, TIMEOUT_MS = 1000 }; /* the proxy's own limit for a plugin on a worker is 100 as well */

static text cluster, path;
static struct { uint32_t call, stream; } waiting[MAX_CALLS]; /* call 0: a free place */

static bool start_waiting(uint32_t call, uint32_t stream) {
  for (size_t i = 0; i < MAX_CALLS; i++)
    if (waiting[i].call == 0) { waiting[i].call = call; waiting[i].stream = stream; return true; }
  return false;
}

static uint32_t stop_waiting(uint32_t call) {
  for (size_t i = 0; i < MAX_CALLS; i++)
    if (waiting[i].call == call) { waiting[i].call = 0; return waiting[i].stream; }
  return 0;
}

static text request_field(const char *name, size_t size) {
  text value = { 0 };
  return proxy_get_header_map_value(REQUEST_HEADERS, name, size, &value.at, &value.size) == OK ? value : (text){ "", 0 };
}

static int answer(int status, const char *body, size_t size) {
  proxy_send_local_response(status, TEXT("authorize"), body, size, NULL, 0, -1);
  return PAUSE;
}

EXPORT(proxy_on_context_create) void on_context_create(uint32_t context, uint32_t parent) { (void)context; (void)parent; }

EXPORT(proxy_on_configure) bool on_configure(uint32_t root, size_t size) {
  (void)root;
  begin();
  text given = { 0 };
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &given.at, &given.size) != OK) return false;
  keep();
  path = trim(given);
  cluster = cut(&path, ' ');
  path = trim(path);
  if (cluster.size > 0 && path.size > 0 && *path.at == '/') return true;
  proxy_log(LOG_ERROR, TEXT("configuration: a cluster and a path, e.g. 'auth /check'"));
  return false;
}

EXPORT(proxy_on_request_headers) int on_request_headers(uint32_t context, size_t count, bool end) {
  (void)count; (void)end;
  begin();
  text authorization = request_field(TEXT("authorization")), method = request_field(TEXT(":method")), target = request_field(TEXT(":path"));
  proxy_remove_header_map_value(REQUEST_HEADERS, TEXT("x-user")); /* only the service may say it */

  static pairs head;
  head.count = 0;
  add_pair(&head, TEXT(":method"), TEXT("GET"));
  add_pair(&head, TEXT(":path"), path.at, path.size);
  add_pair(&head, TEXT(":authority"), cluster.at, cluster.size);
  add_pair(&head, TEXT("authorization"), authorization.at, authorization.size);
  add_pair(&head, TEXT("x-method"), method.at, method.size);
  add_pair(&head, TEXT("x-path"), target.at, target.size);
  uint32_t call = 0;
  if (!write_pairs(&head)) return answer(431, TEXT("too long\n"));
  if (proxy_http_call(cluster.at, cluster.size, head.bytes, head.size, NULL, 0, NULL, 0, TIMEOUT_MS, &call) != OK || !start_waiting(call, context)) {
    proxy_log(LOG_WARN, TEXT("no call to the authorization service could be made"));
    return answer(503, TEXT("not now\n"));
  }
  return PAUSE;
}

EXPORT(proxy_on_http_call_response) void on_http_call_response(uint32_t root, uint32_t call, size_t count, size_t body, size_t trailers) {
  (void)root; (void)body; (void)trailers;
  begin();
  text status = { 0 }, user = { 0 };
  bool is_answer = count > 0 && proxy_get_header_map_value(CALL_RESPONSE_HEADERS, TEXT(":status"), &status.at, &status.size) == OK;
  bool has_user = is_answer && proxy_get_header_map_value(CALL_RESPONSE_HEADERS, TEXT("x-user"), &user.at, &user.size) == OK;
  /* What follows is about the request that waits; when it has gone, there is nothing to do. */
  uint32_t stream = stop_waiting(call);
  if (stream == 0 || proxy_set_effective_context(stream) != OK) return;
  if (!is_answer) answer(503, TEXT("not now\n"));
  else if (!same(status, TEXT("200"))) answer(403, TEXT("forbidden\n"));
  else {
    if (has_user) proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-user"), user.at, user.size);
    proxy_continue_stream(HTTP_REQUEST);
  }
}
