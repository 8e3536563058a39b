//! Adds a field x-hello with the configured text to each response.
//! cargo build --release --target wasm32-wasip1
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { hello: "world".into() }));
}}

struct Root { hello: String }

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        if let Some(text) = self.get_plugin_configuration() {
            self.hello = String::from_utf8_lossy(&text).into_owned();
        }
        true
    }

    fn get_type(&self) -> Option<ContextType> { Some(ContextType::HttpContext) }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Hello { hello: self.hello.clone() }))
    }
}

struct Hello { hello: String }

impl Context for Hello {}

impl HttpContext for Hello {
    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header("x-hello", &self.hello);
        Action::Continue
    }
}
