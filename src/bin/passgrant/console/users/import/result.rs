//! What came of a file, or would.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use crate::console::line::Done;
use crate::console::users::import::upload::{Run, Upload};
use crate::console::users::import::{About, REJECTS, gone};
use crate::console::visit::Visit;
use crate::console::{attachment, layout};

/// How many of the rejected are on a page; all of them can be saved.
const MOST_SHOWN: usize = 100;
/// More than a line about one of them has.
const LONGEST_LINE: u64 = 64 * 1024;

const COUNTS: [&str; 6] = ["read", "created", "updated", "unchanged", "skipped", "rejected"];

/// The counts, and the rejected.
pub(super) fn tables(upload: &Upload, run: Run, done: &Done) -> Markup {
    let counts = |of: &Value| COUNTS.map(|member| html! { (of[member].as_u64().unwrap_or_default()) });
    let row = |name: &str, of: &Value| {
        let [read, created, updated, unchanged, skipped, rejected] = counts(of);
        [html! { (name) }, read, created, updated, unchanged, skipped, rejected]
    };
    let by_hash = done.result["by_hash"].as_object();
    let mut rows: Vec<_> = by_hash.into_iter().flatten().map(|(name, of)| row(name, of)).collect();
    rows.push(row("all", &done.result));
    let caption = match run {
        Run::DryRun => "What would become of the users, by what their passwords are hashed with",
        Run::Import => "What became of the users, by what their passwords are hashed with",
    };
    let rejected = done.result["rejected"].as_u64().unwrap_or_default();
    html! {
        @if rejected == 0 && run == Run::Import { (layout::success(html! { p { "The import is done." } })) }
        @if run == Run::DryRun { p { "Nothing was written yet." } }
        (layout::table(caption, ["Hash", "Read", "Created", "Updated", "Unchanged", "Skipped", "Rejected"], rows))
        @if rejected > 0 { (rejected_ones(upload, run, rejected)) }
    }
}

fn rejected_ones(upload: &Upload, run: Run, rejected: u64) -> Markup {
    let first = first(&upload.rejects(run)).unwrap_or_default();
    let rows = first.iter().map(|reject| {
        let column = reject["column"].as_u64();
        [
            html! { (reject["line"]) @if let Some(column) = column { ", column " (column) } },
            html! { (reject["reason"].as_str().unwrap_or_default()) },
        ]
    });
    let of = if run == Run::Import { "import" } else { "dry-run" };
    html! {
        h2 { "Rejected" }
        @if rejected > MOST_SHOWN as u64 { p { "The first " (MOST_SHOWN) " of " (rejected) ":" } }
        (layout::table("Users who are not imported", ["Line", "Why"], rows))
        p { a.button href={ (REJECTS) "?upload=" (upload.id()) "&of=" (of) } { "Save the whole list" } }
    }
}

fn first(path: &Path) -> io::Result<Vec<Value>> {
    let mut lines = BufReader::new(File::open(path)?);
    let mut first = Vec::new();
    while first.len() < MOST_SHOWN {
        let mut line = String::new();
        if lines.by_ref().take(LONGEST_LINE).read_line(&mut line)? == 0 {
            break;
        }
        first.extend(serde_json::from_str::<Value>(&line).ok());
    }
    Ok(first)
}

/// The list of the rejected, as a file to save.
pub(super) async fn rejects(visit: Visit, Query(About { upload, of }): Query<About>) -> Response {
    let found = visit.console().uploads.get(&upload);
    let Some((upload, file)) = found.and_then(|upload| Some((upload.clone(), File::open(upload.rejects(of)).ok()?)))
    else {
        return gone(&visit);
    };
    attachment::json_lines(file, &format!("{}.rejects.jsonl", upload.name))
}
