//! What the pages load: built into the binary, and nothing from anywhere else.

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

pub(super) const STYLE: &str = "/assets/console.css";
/// GitHub's `<clipboard-copy>` 1.3.2, from the npm package @github/clipboard-copy-element.
pub(super) const SCRIPT: &str = "/assets/clipboard-copy-element-1.3.2.js";

pub(super) const ICON: &str = "/assets/icon.svg";

pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_bytes!("assets/icon.svg"))
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_bytes!("assets/console.css"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_bytes!("assets/clipboard-copy-element.js"))
}

fn asset(content_type: &'static str, bytes: &'static [u8]) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], Bytes::from_static(bytes)).into_response()
}
