/*
 * Adds the fields of its configuration to each response, keeps x-internal-* fields from coming in, and counts responses.
 * Configuration: one field per line, "name: value".
 */
#include "proxy_wasm.h"

enum { MAX_FIELDS = 32 };

static text names[MAX_FIELDS], values[MAX_FIELDS];
static size_t fields;
static uint32_t responses, errors;

EXPORT(proxy_on_context_create) void on_context_create(uint32_t context, uint32_t parent) { (void)context; (void)parent; }

EXPORT(proxy_on_vm_start) bool on_vm_start(uint32_t root, size_t size) {
  (void)root; (void)size;
  return proxy_define_metric(COUNTER, TEXT("c_headers.responses"), &responses) == OK
      && proxy_define_metric(COUNTER, TEXT("c_headers.errors"), &errors) == OK;
}

EXPORT(proxy_on_configure) bool on_configure(uint32_t root, size_t size) {
  (void)root;
  begin();
  text rest = { 0 };
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &rest.at, &rest.size) != OK) return false;
  keep();
  fields = 0;
  while (rest.size > 0) {
    text line = trim(cut(&rest, '\n'));
    if (line.size == 0) continue;
    text value = line, name = trim(cut(&value, ':'));
    value = trim(value);
    if (name.size == 0 || name.size == line.size || fields == MAX_FIELDS) {
      proxy_log(LOG_ERROR, TEXT("configuration: up to 32 lines of the form 'name: value'"));
      return false;
    }
    names[fields] = name;
    values[fields++] = value;
  }
  return true;
}

EXPORT(proxy_on_request_headers) int on_request_headers(uint32_t context, size_t count, bool end) {
  (void)context; (void)count; (void)end;
  begin();
  proxy_remove_header_map_value(REQUEST_HEADERS, TEXT("x-internal-user"));
  proxy_remove_header_map_value(REQUEST_HEADERS, TEXT("x-internal-role"));
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-edge"), TEXT("c-headers"));
  return CONTINUE;
}

EXPORT(proxy_on_response_headers) int on_response_headers(uint32_t context, size_t count, bool end) {
  (void)context; (void)count; (void)end;
  begin();
  for (size_t i = 0; i < fields; i++) proxy_add_header_map_value(RESPONSE_HEADERS, names[i].at, names[i].size, values[i].at, values[i].size);
  proxy_remove_header_map_value(RESPONSE_HEADERS, TEXT("x-powered-by"));
  text status = { 0 };
  proxy_increment_metric(responses, 1);
  if (proxy_get_header_map_value(RESPONSE_HEADERS, TEXT(":status"), &status.at, &status.size) == OK && status.size > 0 && *status.at == '5') proxy_increment_metric(errors, 1);
  return CONTINUE;
}
