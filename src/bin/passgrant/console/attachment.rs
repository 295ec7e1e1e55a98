//! A file that the browser saves.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use tokio::task::block_in_place;

/// How much of a file is read at once.
const PART: usize = 64 * 1024;

/// The JSON lines in `file`, to be saved as `name`.
pub(super) fn json_lines(file: File, name: &str) -> Response {
    let parts = stream::unfold(Some(file), async |file| {
        let mut file = file?;
        let mut part = vec![0; PART];
        match block_in_place(|| file.read(&mut part)) {
            Ok(0) => None,
            Ok(read) => {
                part.truncate(read);
                Some((Ok::<_, io::Error>(Bytes::from(part)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, "application/x-ndjson".to_owned()), (CONTENT_DISPOSITION, disposition)];
    (headers, Body::from_stream(parts)).into_response()
}
