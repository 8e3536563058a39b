/* Adds a field x-hello with the configured text to each response. */
#include "proxy_wasm.h"

static text hello = { "world", 5 };

EXPORT(proxy_on_context_create) void on_context_create(uint32_t context, uint32_t parent) { (void)context; (void)parent; }

EXPORT(proxy_on_configure) bool on_configure(uint32_t root, size_t size) {
  (void)root;
  begin();
  if (size > 0 && proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &hello.at, &hello.size) != OK) return false;
  keep();
  return true;
}

EXPORT(proxy_on_response_headers) int on_response_headers(uint32_t context, size_t count, bool end) {
  (void)context; (void)count; (void)end;
  begin();
  proxy_add_header_map_value(RESPONSE_HEADERS, TEXT("x-hello"), hello.at, hello.size);
  return CONTINUE;
}
