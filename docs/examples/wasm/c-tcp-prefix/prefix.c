/*
 * A network filter: a connection must begin with the bytes of the configuration, or it is closed before the upstream sees any of it.
 * Counts bytes of both directions.
 */
#include "proxy_wasm.h"

static text prefix;
static uint32_t received, sent, refused;

EXPORT(proxy_on_context_create) void on_context_create(uint32_t context, uint32_t parent) { (void)context; (void)parent; }

EXPORT(proxy_on_vm_start) bool on_vm_start(uint32_t root, size_t size) {
  (void)root; (void)size;
  return proxy_define_metric(COUNTER, TEXT("c_tcp_prefix.received"), &received) == OK && proxy_define_metric(COUNTER, TEXT("c_tcp_prefix.sent"), &sent) == OK
      && proxy_define_metric(COUNTER, TEXT("c_tcp_prefix.refused"), &refused) == OK;
}

EXPORT(proxy_on_configure) bool on_configure(uint32_t root, size_t size) {
  (void)root;
  begin();
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &prefix.at, &prefix.size) != OK) return false;
  keep();
  if (prefix.size == 0) proxy_log(LOG_ERROR, TEXT("configuration: the first bytes that a connection must have"));
  return prefix.size > 0;
}

/* Whether the prefix has been seen is kept at the connection, by the proxy: a property that is set stays as long as its connection. */
static bool has_passed(void) {
  text value = { 0 };
  return proxy_get_property(TEXT("prefix_seen"), &value.at, &value.size) == OK;
}

EXPORT(proxy_on_downstream_data) int on_downstream_data(uint32_t context, size_t size, bool end) {
  (void)context;
  begin();
  /* While the callback pauses, the bytes pile up and come again, all of them. */
  if (!has_passed()) {
    text first = { 0 };
    if (proxy_get_buffer_bytes(DOWNSTREAM_DATA, 0, prefix.size, &first.at, &first.size) != OK && size > 0) return PAUSE;
    if (!same(first, prefix.at, first.size) || (end && first.size < prefix.size)) {
      proxy_increment_metric(refused, 1);
      proxy_log(LOG_WARN, TEXT("a connection does not begin as it must"));
      proxy_close_stream(DOWNSTREAM);
      return PAUSE;
    }
    if (first.size < prefix.size) return PAUSE;
    proxy_set_property(TEXT("prefix_seen"), TEXT("1"));
  }
  proxy_increment_metric(received, size);
  return CONTINUE;
}

EXPORT(proxy_on_upstream_data) int on_upstream_data(uint32_t context, size_t size, bool end) {
  (void)context; (void)end;
  proxy_increment_metric(sent, size);
  return CONTINUE;
}
