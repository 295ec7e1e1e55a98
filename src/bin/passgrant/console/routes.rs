//! Where the pages are.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get, post};
use http::StatusCode;
use http::header::{HeaderValue, REFRESH, SET_COOKIE};
use maud::html;

use crate::console::{
    Console, answer, assets, clients, connections, end, guard, keys, layout, overview, reports, try_it, users,
};
use crate::failure::Failure;

pub(super) fn all(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .merge(clients::routes())
        .merge(keys::routes())
        .merge(reports::routes())
        .merge(try_it::routes())
        .route("/enter/{key}", get(enter).head(answer::not_this_way))
        .merge(users::routes())
        .route(end::PATH, post(end::run))
        .route(assets::ICON, get(assets::icon))
        .route(assets::STYLE, get(assets::style))
        .route(assets::SCRIPT, get(assets::script))
        .fallback(answer::nothing_here)
        .layer(middleware::map_request(connections::in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&console), guard::admit))
        .with_state(console)
}

/// Lets the browser in, and is spent by that: what only looks at an address, with HEAD, does not open it. It goes on by itself to the first page: the cookie is not sent where another page, or another
/// program, has sent the browser.
async fn enter(State(console): State<Arc<Console>>, Path(key): Path<String>) -> Response {
    let Some(cookie) = console.access.enter(&key) else {
        return answer::failed(
            StatusCode::FORBIDDEN,
            &Failure::refused("this address has been used, or its time is over: start `passgrant console` again"),
        );
    };
    let content = html! { p { a href="/" { "To the overview" } } };
    let headers = [(SET_COOKIE, cookie), (REFRESH, HeaderValue::from_static("0; url=/"))];
    (headers, layout::page(None, None, "Welcome", content)).into_response()
}
