// Lets each client (x-client, else its address) make so many requests per window, counted over all workers, and answers the others 429.
// Configuration: requests and seconds, e.g. "100 60".
// $SDK is a clone of https://github.com/proxy-wasm/proxy-wasm-cpp-sdk:
//   em++ -std=c++17 -O2 --no-entry -sSTANDALONE_WASM -sEXPORTED_FUNCTIONS=_malloc -I$SDK --js-library $SDK/proxy_wasm_intrinsics.js \
//     -o quota.wasm quota.cc $SDK/proxy_wasm_intrinsics.cc
#include "proxy_wasm_intrinsics.h"

#include <cstdlib>
#include <string>

class QuotaRoot : public RootContext {
public:
  explicit QuotaRoot(uint32_t id, std::string_view root_id) : RootContext(id, root_id) {}

  bool onConfigure(size_t size) override {
    std::string text = getBufferBytes(WasmBufferType::PluginConfiguration, 0, size)->toString();
    char *rest = nullptr;
    limit = std::strtoul(text.c_str(), &rest, 10);
    window = std::strtoul(rest, nullptr, 10);
    if (limit > 0 && window > 0) return true;
    LOG_ERROR("configuration: requests and seconds, e.g. '100 60'");
    return false;
  }

  unsigned long limit = 0, window = 0;
};

class Quota : public Context {
public:
  explicit Quota(uint32_t id, RootContext *root) : Context(id, root) {}

  FilterHeadersStatus onRequestHeaders(uint32_t, bool) override {
    auto *settings = static_cast<QuotaRoot *>(root());
    std::string client = getRequestHeader("x-client")->toString();
    if (client.empty() && getValue({"source", "address"}, &client)) client.resize(client.rfind(':')); // without the port
    uint64_t now = getCurrentTimeNanoseconds() / 1000000000 / settings->window;
    std::string key = "quota/" + client;
    // Other workers count in the same entry at the same time: whoever is overtaken counts again.
    for (int i = 0; i < 16; i++) {
      WasmDataPtr kept;
      uint32_t cas = 0;
      unsigned long used = 0;
      if (getSharedData(key, &kept, &cas) == WasmResult::Ok) {
        std::string text = kept->toString();
        char *rest = nullptr;
        if (std::strtoull(text.c_str(), &rest, 10) == now) used = std::strtoul(rest, nullptr, 10);
      } else {
        cas = 0;
      }
      if (used >= settings->limit) {
        sendLocalResponse(429, "quota", "too many requests\n", {{"retry-after", std::to_string(settings->window)}});
        return FilterHeadersStatus::StopIteration;
      }
      if (setSharedData(key, std::to_string(now) + " " + std::to_string(used + 1), cas) == WasmResult::Ok) break;
    }
    return FilterHeadersStatus::Continue;
  }
};

static RegisterContextFactory register_quota(CONTEXT_FACTORY(Quota), ROOT_FACTORY(QuotaRoot));
