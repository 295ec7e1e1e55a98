//! `passgrant console`: a page on the operator's own machine, over the operator's own rights.
//!
//! Whatever it changes, it changes by a command of this command line, which it shows.

#![expect(clippy::needless_pass_by_value, reason = "a page is put together from parts that are made for it")]

mod access;
mod answer;
mod assets;
mod attachment;
mod browser;
mod changes;
mod clients;
mod connections;
#[cfg(test)]
mod coverage;
mod end;
mod field;
mod guard;
mod keys;
mod layout;
mod lease;
mod line;
mod overview;
mod peer;
mod private_folder;
mod reports;
mod routes;
mod service;
mod stream;
mod try_it;
mod users;
mod visit;

use std::borrow::Cow;
use std::ffi::OsString;
use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::config::outputs::Outputs;
use passgrant::random::OsRandom;
use serde::Serialize;
use tokio::sync::Notify;

use crate::account::Account;
use crate::audit::actor;
use crate::console::access::Access;
use crate::console::changes::Changes;
use crate::console::lease::Databases;
use crate::console::try_it::Tried;
use crate::console::users::{Exports, Uploads};
use crate::failure::Failure;
use crate::listen;
use crate::output::{Output, warn};
use crate::signals::Signals;

/// How long nobody may use the page until it ends.
const MOST_IDLE: Duration = Duration::from_mins(30);

pub(crate) const EXAMPLES: &str = "\
Examples:
  passgrant --data .passgrant console
  passgrant --stack passgrant-prod console --read-only
  passgrant --stack passgrant-prod console --listen 127.0.0.1:8090 --no-open   # through an SSH tunnel";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", value_parser = listen::loopback)]
    listen: SocketAddr,
    /// Show everything, and change nothing
    #[arg(long)]
    read_only: bool,
    /// Do not open the address in a browser
    #[arg(long)]
    no_open: bool,
    /// End when nobody has used the page for this long, at most 30m
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_idle)]
    idle_end: Duration,
}

fn parse_idle(text: &str) -> Result<Duration, String> {
    let idle = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=MOST_IDLE).contains(&idle) { Ok(idle) } else { Err("from 1s to 30m".to_owned()) }
}

/// What the page works on.
pub(crate) struct Place {
    pub(crate) config: Arc<Config>,
    pub(crate) outputs: Option<Arc<Outputs>>,
    /// AWS, as every visit reaches it.
    pub(crate) account: Arc<Account>,
    pub(crate) data: Option<PathBuf>,
    /// The options that name the deployment, as they would be typed.
    pub(crate) options: Vec<String>,
    /// The file that the audit log goes to, if one is named.
    pub(crate) audit_log: Option<OsString>,
}

impl Place {
    /// The options of every command on it, as they would be typed.
    fn typed(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let audit_log = self.audit_log.as_deref().map(|file| ["--audit-log".into(), file.to_string_lossy()]);
        self.options.iter().map(|word| word.as_str().into()).chain(audit_log.into_iter().flatten())
    }

    /// What it is called.
    fn name(&self) -> String {
        match self.options.as_slice() {
            [option, folder, ..] if option == "--data" => format!("the data folder {folder}"),
            [option, stack, ..] if option == "--stack" => format!("the stack {stack}"),
            [option, file, ..] if option == "--terraform-outputs" => format!("the deployment of {file}"),
            _ => "AWS, as the environment says".to_owned(),
        }
    }
}

/// What every request is answered from.
struct Console {
    place: Place,
    databases: Databases,
    access: Arc<Access>,
    /// What is being changed.
    changes: Changes,
    read_only: bool,
    /// Who uses it: the AWS identity, or the local user.
    actor: String,
    /// What the last login of [`try_it`] got.
    tried: Mutex<Option<Tried>>,
    /// Told when somebody ends it on the page.
    end_asked: Notify,
    /// The file that may be imported.
    uploads: Uploads,
    /// The file of an export.
    exports: Exports,
}

impl Console {
    fn keep_tried(&self, tried: Option<Tried>) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = tried;
    }

    fn take_tried(&self) -> Option<Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn has_tried(&self) -> bool {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// What is printed at the start.
#[derive(Serialize)]
struct Started<'a> {
    /// The address that opens the page, once.
    url: &'a str,
    read_only: bool,
}

impl Started<'_> {
    fn text(&self) -> String {
        let (url, read_only) = (self.url, if self.read_only { " It changes nothing." } else { "" });
        format!(
            "The console is at this address, which opens it once:\n\n  {url}\n\nOnly you can use it.{read_only} Ctrl-C ends it."
        )
    }
}

impl Arguments {
    /// Serves the page until a signal, or until nobody has used it for a while.
    pub(crate) async fn run(self, place: Place, output: &Output) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        let databases = Databases::of(&place);
        // What cannot be opened is said before there is a page.
        drop(databases.lease().await?);
        let listener = listen::on(self.listen).await?;
        let address = listener.local_addr()?;
        let access = Arc::new(Access::new(address, self.idle_end, Box::new(SystemClock), &OsRandom)?);
        let url = access.one_time_url();
        // Who it is can be seen in the audit log too; a page that changes nothing need not know.
        let actor = match actor::operator(place.data.as_deref(), &place.account).await {
            Ok(operator) => operator.to_string(),
            Err(failure) => format!("not known: {}", failure.reason()),
        };
        let console = Console {
            place,
            databases,
            access,
            changes: Changes::default(),
            read_only: self.read_only,
            actor,
            tried: Mutex::default(),
            end_asked: Notify::new(),
            uploads: Uploads::default(),
            exports: Exports::default(),
        };
        let console = Arc::new(console);

        let started = Started { url: &url, read_only: self.read_only };
        match output.print(&started, || started.text()) {
            Ok(()) | Err(Failure::OutputClosed) => {}
            Err(failure) => return Err(failure),
        }
        let opened = (!self.no_open && output.is_for_people()).then(|| match browser::open(&url, &OsRandom) {
            Ok(opened) => Some(opened),
            Err(reason) => {
                warn(&format!("no browser was opened ({reason}): open the address yourself"));
                None
            }
        });
        let mut end = None;
        let served = connections::serve(listener, address, routes::all(Arc::clone(&console)), async || {
            tokio::select! {
                () = signals.next() => {}
                () = console.end_asked.notified() => {}
                over = console.access.over() => end = Some(over),
            }
        });
        let led_in = async {
            console.access.entered().await;
            drop(opened);
            pending::<()>().await;
        };
        tokio::select! {
            () = served => {}
            () = led_in => {}
        }
        if let Some(end) = end {
            warn(&end.said());
        }
        console.changes.settle().await;
        console.uploads.clear();
        console.exports.clear();
        console.databases.close().await
    }
}
