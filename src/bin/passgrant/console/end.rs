//! The end of the console, as Ctrl-C brings it, from the page.

use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use crate::console::layout;
use crate::console::visit::{Posted, Visit};

pub(super) const PATH: &str = "/end";

/// The button that ends it, which is there with `--read-only` too: it changes nothing that is stored.
pub(super) fn card(visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "When you have finished" }
            p { "The console ends by itself when nobody uses it, and as soon as you say so. Servers and deployments go on." }
            (visit.form(PATH, html! { button { "End the console" } }))
        }
    }
}

/// Ends it once this is answered, and what is under way has finished.
pub(super) async fn run(visit: Visit, _form: Posted) -> Response {
    visit.console().end_asked.notify_one();
    layout::farewell(
        "The console has ended",
        html! {
            p { "A change that was under way is finished first. This page can be closed: it leads nowhere any more." }
            p { "To use it again, start " span.code { "passgrant console" } ", which prints another address." }
        },
    )
    .into_response()
}
