//! Opening the one-time address in the operator's browser.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{DOCTYPE, html};
use passgrant::random::Random;

/// What opens a file on the systems that have it.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// A file that leads to the address. The arguments of a process can be read by everybody on the machine, and this only by
/// its owner. It is gone when this is dropped: as soon as the address is used.
pub(super) struct Opened(PathBuf);

/// Opens `url`, without waiting for the browser.
pub(super) fn open(url: &str, random: &dyn Random) -> io::Result<Opened> {
    let name = random.bytes::<12>().map_err(io::Error::other)?;
    let folder = env::temp_dir().join(format!("passgrant-console-{}", URL_SAFE_NO_PAD.encode(*name)));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let opened = Opened(folder);
    let file = opened.0.join("open.html");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta http-equiv="refresh" content={ "0; url=" (url) }; title { "Passgrant" } }
            body { a href=(url) { "Open the console" } }
        }
    };
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
    written.write_all(page.into_string().as_bytes())?;
    start(&file).map(|()| opened)
}

fn start(file: &Path) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for opener in OPENERS {
        let mut opening = Command::new(opener);
        opening.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What ends this program at the terminal is not to end the browser.
        match opening.process_group(0).spawn() {
            Ok(mut opener) => {
                thread::spawn(move || opener.wait());
                return Ok(());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Drop for Opened {
    fn drop(&mut self) {
        // What cannot be removed leads to an address that is spent, or gone.
        let _: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}
