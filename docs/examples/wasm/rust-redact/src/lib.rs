//! Replaces words in response bodies of type text/* or application/json by asterisks, and counts the responses it changed.
//! Configuration: one word per line.
//! cargo build --release --target wasm32-wasip1
use std::rc::Rc;

use log::{error, info};
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { words: Rc::new(Vec::new()), redacted: 0 }));
}}

struct Root {
    words: Rc<Vec<String>>,
    redacted: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let Ok(text) = String::from_utf8(text) else {
            error!("configuration: must be UTF-8");
            return false;
        };
        self.words = Rc::new(text.lines().map(str::trim).filter(|w| !w.is_empty()).map(String::from).collect());
        self.redacted = define_metric(MetricType::Counter, "rust_redact.redacted").unwrap_or(0);
        info!("{} words", self.words.len());
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Redact { words: self.words.clone(), redacted: self.redacted, wanted: false }))
    }
}

struct Redact {
    words: Rc<Vec<String>>,
    redacted: u32,
    wanted: bool,
}

impl Context for Redact {}

impl HttpContext for Redact {
    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let kind = self.get_http_response_header("content-type").unwrap_or_default();
        self.wanted = (kind.starts_with("text/") || kind.starts_with("application/json")) && self.get_http_response_header("content-encoding").is_none();
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.wanted {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause; // until all of it is there
        }
        let Some(body) = self.get_http_response_body(0, size) else { return Action::Continue };
        let Ok(mut text) = String::from_utf8(body) else { return Action::Continue };
        let before = text.clone();
        for word in self.words.iter() {
            text = text.replace(word.as_str(), &"*".repeat(word.chars().count()));
        }
        if text != before {
            self.set_http_response_body(0, size, text.as_bytes());
            let _ = increment_metric(self.redacted, 1);
        }
        Action::Continue
    }
}
