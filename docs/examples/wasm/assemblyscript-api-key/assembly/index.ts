/*
 * Lets requests through that have a known API key in x-api-key, and tells the upstream whose it is in x-client; others are answered 401.
 * Configuration: one client per line, "name key".
 */
export * from "@solo-io/proxy-runtime/proxy"; // the callbacks' exports
import { RootContext, Context, registerRootContext, stream_context, send_local_response, log, Counter, FilterHeadersStatusValues, GrpcStatusValues, LogLevelValues, HeaderPair } from "@solo-io/proxy-runtime";
import { get_buffer_bytes, BufferTypeValues } from "@solo-io/proxy-runtime/runtime";

class ApiKeyRoot extends RootContext {
  clients: Map<string, string> = new Map<string, string>();
  denied: Counter | null = null;

  // Not by super.onConfigure, which in 0.1.8 has the size written to a wrong address.
  onConfigure(size: u32): bool {
    this.denied = new Counter("api_key.denied");
    let lines = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.PluginConfiguration, 0, size)).split("\n");
    for (let i = 0; i < lines.length; i++) {
      let line = lines[i].trim();
      if (line == "") continue;
      let space = line.indexOf(" ");
      if (space < 0) {
        log(LogLevelValues.error, "configuration: lines of the form 'name key'");
        return false;
      }
      this.clients.set(line.substring(space + 1).trim(), line.substring(0, space));
    }
    return true;
  }

  createContext(context_id: u32): Context {
    return new ApiKey(context_id, this);
  }
}

class ApiKey extends Context {
  constructor(context_id: u32, root: ApiKeyRoot) {
    super(context_id, root);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    let root = this.root_context as ApiKeyRoot;
    let key = stream_context.headers.request.get("x-api-key");
    if (key == "" || !root.clients.has(key)) {
      (root.denied as Counter).increment(1);
      let challenge = new HeaderPair(String.UTF8.encode("www-authenticate"), String.UTF8.encode("ApiKey"));
      send_local_response(401, "api_key", String.UTF8.encode("an API key is needed\n"), [challenge], GrpcStatusValues.Unauthenticated);
      return FilterHeadersStatusValues.StopIteration;
    }
    stream_context.headers.request.remove("x-api-key"); // a secret between the client and the proxy
    stream_context.headers.request.replace("x-client", root.clients.get(key));
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-filter", "api-key");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => { return new ApiKeyRoot(context_id); }, "api_key");
