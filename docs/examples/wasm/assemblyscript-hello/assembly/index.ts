// Adds a field x-hello with the configured text to each response.
export * from "@solo-io/proxy-runtime/proxy"; // the callbacks' exports
import { RootContext, Context, registerRootContext, stream_context, FilterHeadersStatusValues } from "@solo-io/proxy-runtime";
import { get_buffer_bytes, BufferTypeValues } from "@solo-io/proxy-runtime/runtime";

class HelloRoot extends RootContext {
  hello: string = "world";

  onConfigure(size: u32): bool {
    if (size > 0) this.hello = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.PluginConfiguration, 0, size));
    return true;
  }

  createContext(context_id: u32): Context {
    return new Hello(context_id, this);
  }
}

class Hello extends Context {
  constructor(context_id: u32, root: HelloRoot) {
    super(context_id, root);
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-hello", (this.root_context as HelloRoot).hello);
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => { return new HelloRoot(context_id); }, "hello"); // the plugin's root_id
