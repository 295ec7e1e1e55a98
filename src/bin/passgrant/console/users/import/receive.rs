//! Taking a file from the browser, little by little, and no more than it may have.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use passgrant::random::OsRandom;
use tokio::task::block_in_place;

use crate::console::users::import::upload::{MAX_BYTES, Upload};
use crate::console::users::import::{CHECK, PATH};
use crate::console::visit::TOKEN;
use crate::console::{Console, answer};
use crate::failure::Failure;

/// More than any field has that is no file.
const MAX_TEXT: usize = 1024;
/// More than the parameters of Firebase have.
const MAX_PARAMETERS: u64 = 64 * 1024;

/// Why a file was not taken.
struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, reason: &str) -> Self {
        Self(status, reason.to_owned())
    }
}

impl From<MultipartError> for Refusal {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            status => Self(status, error.body_text()),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self(StatusCode::INSUFFICIENT_STORAGE, format!("the file cannot be kept on this machine: {error}"))
    }
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the file is too large: give it to `passgrant user import` instead")
}

pub(super) async fn receive(
    State(console): State<Arc<Console>>,
    multipart: Result<Multipart, MultipartRejection>,
) -> Response {
    let taken = match multipart {
        Ok(multipart) if !console.read_only => take(&console, multipart).await,
        Ok(_) => {
            let reason = "this console changes nothing: it was started with --read-only";
            Err(Refusal::new(StatusCode::FORBIDDEN, reason))
        }
        Err(rejection) => Err(Refusal(rejection.status(), rejection.body_text())),
    };
    match taken {
        Ok(upload) => {
            let checked = format!("{CHECK}?upload={}", upload.id());
            console.uploads.keep(upload);
            Redirect::to(&checked).into_response()
        }
        Err(Refusal(status, reason)) => answer::failed(status, &Failure::refused(reason)),
    }
}

async fn take(console: &Console, mut multipart: Multipart) -> Result<Upload, Refusal> {
    // Nothing is kept for a form of another page.
    let token = match multipart.next_field().await? {
        Some(field) if field.name() == Some(TOKEN) => text(field).await?,
        _ => String::new(),
    };
    if !console.access.is_form_token(PATH, &token) {
        let reason = "the form is none of this page's: load the page again";
        return Err(Refusal::new(StatusCode::FORBIDDEN, reason));
    }
    let mut upload = Upload::begin(&OsRandom)?;
    while let Some(field) = multipart.next_field().await? {
        let is_chosen = field.file_name().is_some_and(|name| !name.is_empty());
        match field.name().unwrap_or_default() {
            "format" => upload.format = Some(text(field).await?).filter(|format| !format.is_empty()),
            "on-conflict" => upload.on_conflict = text(field).await?,
            "firebase-config" if is_chosen => copy(field, upload.create_firebase()?, MAX_PARAMETERS).await?,
            "file" if is_chosen && upload.name.is_empty() => {
                let input = upload.create_input(field.file_name().unwrap_or_default())?;
                copy(field, input, MAX_BYTES).await?;
            }
            _ => {}
        }
    }
    if upload.name.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no file was chosen"));
    }
    Ok(upload)
}

async fn text(mut field: Field<'_>) -> Result<String, Refusal> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_TEXT {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "a field of the form is too large"));
        }
    }
    String::from_utf8(text).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "a field of the form is not text"))
}

async fn copy(mut field: Field<'_>, mut file: File, most: u64) -> Result<(), Refusal> {
    let mut bytes = 0;
    while let Some(chunk) = field.chunk().await? {
        bytes += chunk.len() as u64;
        if bytes > most {
            return Err(too_large());
        }
        block_in_place(|| file.write_all(&chunk))?;
    }
    Ok(())
}
