//! A page that grows while a long command runs: it says how far that is, and stops it when it is left.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use maud::{Markup, html};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::console::layout::{self, Section};
use crate::console::line::{Done, Line};
use crate::console::visit::Visit;
use crate::failure::Failure;
use crate::stop::Stop;

/// How often a page says how far it is.
const STEP: Duration = Duration::from_millis(250);

/// The parts of a page that are still to come. The work ends when nobody waits for them.
struct Parts {
    coming: mpsc::Receiver<String>,
    work: JoinHandle<()>,
    stop: Stop,
}

impl Drop for Parts {
    fn drop(&mut self) {
        // A change goes on in a task of its own, to where it can be taken up again.
        self.stop.set();
        self.work.abort();
    }
}

/// A page that runs `line`, counts the `noun` that it reads of `total`, if that is known, and ends with what `render` makes of
/// the result. Its link to stop leads `back`.
pub(super) fn page(
    visit: Visit,
    section: Section,
    title: &str,
    line: Line,
    (noun, total): (&'static str, Option<u64>),
    back: &str,
    render: impl FnOnce(&Visit, Done) -> Markup + Send + 'static,
) -> Response {
    let begin = html! {
        (layout::head(title))
        (layout::banner(Some(visit.console()), Some(section)))
    };
    let command = visit.command(&line);
    // Elements that are still open are closed by the last part.
    let begin = format!(
        "{}<main id=\"main\">{}<div class=\"steps\">{}<div>",
        begin.into_string(),
        html! { h1 { (title) } (command) }.into_string(),
        html! { p { a.button href=(back) { "Stop" } } }.into_string(),
    );
    let (stop, back) = (Stop::default(), back.to_owned());
    let line = line.stopped_by(&stop);
    let (sender, parts) = mpsc::channel(4);
    let work = tokio::spawn(async move {
        if sender.send(begin).await.is_ok() {
            let end = ran(&visit, line, noun, total, &sender, render).await;
            let end = end.unwrap_or_else(|failure| {
                html! { (layout::trouble(&failure.reason())) div.actions { a.button href=(back) { "Back" } } }
            });
            // Nobody waits for it any more.
            let _: Result<(), _> = sender.send(format!("</div></div>{}</main></body></html>", end.into_string())).await;
        }
    });
    let parts = stream::unfold(Parts { coming: parts, work, stop }, async |mut parts| {
        let part = parts.coming.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(part)), parts))
    });
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], Body::from_stream(parts)).into_response()
}

async fn ran(
    visit: &Visit,
    line: Line,
    noun: &str,
    total: Option<u64>,
    sender: &mpsc::Sender<String>,
    render: impl FnOnce(&Visit, Done) -> Markup,
) -> Result<Markup, Failure> {
    let (done, progress) = watch::channel(0);
    let mut work = std::pin::pin!(line.run(visit, Some(done)));
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            outcome = &mut work => return match outcome {
                Ok(done) => Ok(html! {
                    @if let Some(failure) = &done.failure { (layout::trouble(&failure.reason())) }
                    (layout::warnings(&done.warnings))
                    (render(visit, done))
                }),
                Err(failure) => Err(failure),
            },
            _ = ticks.tick() => {
                let read = *progress.borrow();
                let step = html! {
                    div.step {
                        @match total {
                            Some(total) => progress value=(read) max=(total) aria-label="How far it is" {},
                            None => progress aria-label="How far it is" {},
                        }
                        p { (read) " " (noun) " so far" }
                    }
                };
                if sender.send(step.into_string()).await.is_err() {
                    return Ok(html! {});
                }
            }
        }
    }
}
