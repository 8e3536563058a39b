/*
 * Proxy-Wasm 0.2.1 for plain C without a library: the host functions that the examples use, and what they need to live without libc.
 * More of them: https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
 *
 * Build: clang --target=wasm32 -O2 -mbulk-memory -nostdlib -Wl,--no-entry -I../c -o filter.wasm filter.c
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

enum { OK = 0, NOT_FOUND = 1, BAD_ARGUMENT = 2 };                               /* statuses */
enum { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL };     /* levels */
enum { CONTINUE = 0, PAUSE = 1 };                                               /* what a callback answers */
enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2, CALL_RESPONSE_HEADERS = 6 };  /* maps */
enum { DOWNSTREAM_DATA = 2, UPSTREAM_DATA = 3, PLUGIN_CONFIGURATION = 7 };      /* buffers */
enum { HTTP_REQUEST = 0, HTTP_RESPONSE = 1, DOWNSTREAM = 2, UPSTREAM = 3 };     /* streams */
enum { COUNTER = 0, GAUGE = 1, HISTOGRAM = 2 };                                 /* metrics */

/* Text is an address and a size; a value that comes back is written to the two addresses that are given for it. */
#define IN const char *, size_t
#define OUT char **, size_t *

IMPORT(proxy_log) int proxy_log(int level, IN);
IMPORT(proxy_get_property) int proxy_get_property(IN, OUT);
IMPORT(proxy_set_property) int proxy_set_property(IN, IN);
IMPORT(proxy_get_buffer_bytes) int proxy_get_buffer_bytes(int buffer, size_t start, size_t max, OUT);
IMPORT(proxy_get_header_map_value) int proxy_get_header_map_value(int map, IN, OUT);
IMPORT(proxy_add_header_map_value) int proxy_add_header_map_value(int map, IN, IN);
IMPORT(proxy_replace_header_map_value) int proxy_replace_header_map_value(int map, IN, IN);
IMPORT(proxy_remove_header_map_value) int proxy_remove_header_map_value(int map, IN);
IMPORT(proxy_continue_stream) int proxy_continue_stream(int stream);
IMPORT(proxy_close_stream) int proxy_close_stream(int stream);
/* (status, details, body, headers, grpc_status) */
IMPORT(proxy_send_local_response) int proxy_send_local_response(int, IN, IN, IN, int);
/* (cluster, headers, body, trailers, timeout in ms, the call's number comes back) */
IMPORT(proxy_http_call) int proxy_http_call(IN, IN, IN, IN, int, uint32_t *);
IMPORT(proxy_set_effective_context) int proxy_set_effective_context(uint32_t context);
IMPORT(proxy_define_metric) int proxy_define_metric(int kind, IN, uint32_t *);
IMPORT(proxy_increment_metric) int proxy_increment_metric(uint32_t metric, int64_t by);

/* A constant as the two arguments that the host wants. */
#define TEXT(constant) (constant), (sizeof(constant) - 1)

typedef struct { char *at; size_t size; } text;

/* ---- memory: an arena behind the module's data. What the host hands over is good until begin() is called in the next callback. */

extern unsigned char __heap_base;
static uintptr_t arena_start, arena_next;

static inline void begin(void) {
  if (arena_start == 0) arena_start = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
  arena_next = arena_start;
}

/* What has been allocated so far stays for good. */
static inline void keep(void) { arena_start = arena_next; }

EXPORT(proxy_on_memory_allocate) void *allocate(size_t size) {
  if (arena_next == 0) begin();
  uintptr_t address = arena_next, end = address + ((size + 15) & ~(uintptr_t)15);
  if (end < address) return NULL;
  uintptr_t memory = __builtin_wasm_memory_size(0) << 16;
  if (end > memory && __builtin_wasm_memory_grow(0, (end - memory + 65535) >> 16) == (size_t)-1) return NULL;
  arena_next = end;
  return (void *)address;
}

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}

/* ---- texts */

static inline bool same(text a, const char *b, size_t size) {
  if (a.size != size) return false;
  for (size_t i = 0; i < size; i++) if (a.at[i] != b[i]) return false;
  return true;
}

static inline text trim(text t) {
  while (t.size > 0 && (*t.at == ' ' || *t.at == '\t')) { t.at++; t.size--; }
  while (t.size > 0 && (t.at[t.size - 1] == ' ' || t.at[t.size - 1] == '\t' || t.at[t.size - 1] == '\r')) t.size--;
  return t;
}

/* Cuts off what stands before the first `at`; all of it when there is none. */
static inline text cut(text *rest, char at) {
  text first = { rest->at, 0 };
  while (first.size < rest->size && rest->at[first.size] != at) first.size++;
  size_t taken = first.size < rest->size ? first.size + 1 : first.size;
  rest->at += taken;
  rest->size -= taken;
  return first;
}

/* ---- maps as the ABI writes them: a count, the sizes of names and values, the names and values with a NUL behind each */

typedef struct { char bytes[4096]; size_t size, count; text names[16], values[16]; } pairs;

static inline void add_pair(pairs *to, const char *name, size_t name_size, const char *value, size_t value_size) {
  if (to->count == 16) return;
  to->names[to->count] = (text){ (char *)name, name_size };
  to->values[to->count++] = (text){ (char *)value, value_size };
}

/* False when they are too long. */
static inline bool write_pairs(pairs *p) {
  size_t size = 4;
  for (size_t i = 0; i < p->count; i++) size += 8 + p->names[i].size + 1 + p->values[i].size + 1;
  if (size > sizeof p->bytes) return false;
  uint32_t *number = (uint32_t *)(void *)p->bytes;
  *number++ = p->count;
  for (size_t i = 0; i < p->count; i++) { *number++ = p->names[i].size; *number++ = p->values[i].size; }
  char *at = (char *)number;
  for (size_t i = 0; i < p->count; i++) {
    __builtin_memcpy(at, p->names[i].at, p->names[i].size);
    at += p->names[i].size;
    *at++ = 0;
    __builtin_memcpy(at, p->values[i].at, p->values[i].size);
    at += p->values[i].size;
    *at++ = 0;
  }
  p->size = size;
  return true;
}
