// Adds a field x-hello with the configured text to each response.
// $SDK is a clone of https://github.com/proxy-wasm/proxy-wasm-cpp-sdk:
//   em++ -std=c++17 -O2 --no-entry -sSTANDALONE_WASM -sEXPORTED_FUNCTIONS=_malloc -I$SDK --js-library $SDK/proxy_wasm_intrinsics.js \
//     -o hello.wasm hello.cc $SDK/proxy_wasm_intrinsics.cc
#include "proxy_wasm_intrinsics.h"

#include <string>

class HelloRoot : public RootContext {
public:
  explicit HelloRoot(uint32_t id, std::string_view root_id) : RootContext(id, root_id) {}

  bool onConfigure(size_t size) override {
    if (size > 0) hello = getBufferBytes(WasmBufferType::PluginConfiguration, 0, size)->toString();
    return true;
  }

  std::string hello = "world";
};

class Hello : public Context {
public:
  explicit Hello(uint32_t id, RootContext *root) : Context(id, root) {}

  FilterHeadersStatus onResponseHeaders(uint32_t, bool) override {
    addResponseHeader("x-hello", static_cast<HelloRoot *>(root())->hello);
    return FilterHeadersStatus::Continue;
  }
};

static RegisterContextFactory register_hello(CONTEXT_FACTORY(Hello), ROOT_FACTORY(HelloRoot));
