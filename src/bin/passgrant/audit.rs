//! The audit log of operators: an event for each command that changes something, wherever the command was given.
//!
//! It fails closed. Where the event is to go is opened, and tried, before anything is changed; and a change whose event could not
//! be written afterwards is told as a failure.

pub(crate) mod actor;
mod file;
mod group;
#[cfg(test)]
mod leaves;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use passgrant::audit::{Action, Counts, Event, Moment, Origin, Outcome, Target, TargetKind};
use passgrant::clock::Clock;
use passgrant::config::outputs::Outputs;
use passgrant::random::Random;
use passgrant::user::{User, Username};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Context;
use crate::audit::actor::Operator;
use crate::audit::file::AuditFile;
use crate::audit::group::AuditGroup;
use crate::data_folder;
use crate::failure::Failure;
use crate::output::warn;

/// The output of a stack, and that of the Terraform module, which names the log group of operators' events.
pub(crate) const LOG_GROUP: (&str, &str) = ("AuditLogGroupName", "audit_log_group_name");

/// The longest reason that is written down, and the longest name that is none.
const MOST_CHARACTERS: usize = 1_000;

/// What a command changes.
pub(crate) struct Change {
    action: Action,
    kind: TargetKind,
    target: String,
    /// Whether it changes many things, one after the other, and may be interrupted: then an event says that it has begun.
    changes_many: bool,
}

impl Change {
    pub(crate) fn new(action: Action, kind: TargetKind, target: impl Into<String>) -> Self {
        Self { action, kind, target: target.into(), changes_many: false }
    }

    /// A change of the user with this name, which is written as it is stored.
    pub(crate) fn of_user(context: &Context, action: Action, name: &str) -> Self {
        let prepared = Username::prepare(name, context.config.username_profile);
        let name = prepared.map_or_else(|_| shortened(name), |username| username.as_str().to_owned());
        Self::new(action, TargetKind::User, name)
    }

    /// A change of many things.
    pub(crate) fn of_many(action: Action, kind: TargetKind, target: impl Into<String>) -> Self {
        Self { changes_many: true, ..Self::new(action, kind, target) }
    }
}

/// What a command has to do with the audit log: where it was given, and what it notes about its change.
pub(crate) struct Audit {
    origin: Origin,
    file: Option<PathBuf>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    sub: Option<String>,
    changed: Vec<String>,
    counts: Option<Counts>,
}

impl Notes {
    /// Whether anything has been changed, as far as it was counted.
    fn tell_of_changes(&self) -> bool {
        let counts = self.counts.iter().flat_map(|Counts(counts)| counts);
        counts
            .into_iter()
            .any(|(name, count)| ["created", "updated", "copied", "exported"].contains(name) && *count > 0)
    }
}

impl Audit {
    /// For commands given at `origin`, whose events go to `file` if it is named.
    pub(crate) fn new(origin: Origin, file: Option<&OsStr>) -> Self {
        Self { origin, file: file.map(PathBuf::from), notes: Mutex::default() }
    }

    /// Notes who was changed.
    pub(crate) fn user(&self, user: &User) {
        self.sub(user.subject.as_str());
    }

    /// Notes who was changed, by `sub`.
    pub(crate) fn sub(&self, sub: &str) {
        self.notes().sub = Some(sub.to_owned());
    }

    /// Notes the names of what was changed.
    pub(crate) fn changed(&self, names: &[&str]) {
        self.notes().changed = names.iter().map(ToString::to_string).collect();
    }

    /// Notes the names of the members in which two versions of something differ. When it was changed is none of them.
    pub(crate) fn changed_between<T: Serialize>(&self, before: &T, after: &T) -> Result<(), Failure> {
        let (before, after) = (members(before)?, members(after)?);
        let differ = |name: &&String| *name != "updated_at" && before.get(*name) != after.get(*name);
        self.notes().changed = after.keys().filter(differ).cloned().collect();
        Ok(())
    }

    /// Notes how many there were.
    pub(crate) fn counts(&self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        self.notes().counts = Some(Counts(counts.into_iter().collect()));
    }

    /// Whether a command was not used as its help says, and so was nothing to refuse: what it should have changed is not known.
    fn is_misuse(&self, done: &Result<(), Failure>) -> bool {
        matches!(done, Err(Failure::Usage(_))) && !self.notes().tell_of_changes()
    }

    /// How a command ended, and why if it was not done.
    fn outcome(&self, done: &Result<(), Failure>) -> (Outcome, Option<String>) {
        let outcome = match done {
            // Whoever stopped reading the result does not stop the change.
            Ok(()) | Err(Failure::OutputClosed) => return (Outcome::Succeeded, None),
            Err(Failure::Usage(_) | Failure::Refused(_) | Failure::RefusedOption(..) | Failure::Missing { .. })
                if !self.notes().tell_of_changes() =>
            {
                Outcome::Refused
            }
            Err(
                Failure::Usage(_)
                | Failure::Refused(_)
                | Failure::RefusedOption(..)
                | Failure::Missing { .. }
                | Failure::Failed(_),
            ) => Outcome::Failed,
        };
        (outcome, done.as_ref().err().map(|failure| shortened(&failure.reason())))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members<T: Serialize>(value: &T) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(value)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// Does the `work` of a command that makes a `change`, and writes its event.
pub(crate) async fn kept(
    context: &Context,
    change: &Change,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let Some(place) = Place::open(context).await? else {
        return work.await;
    };
    let operator = actor::operator(context.data.as_deref(), &context.account).await;
    let Context { audit, clock, random, .. } = context;
    let trail = Trail { audit, clock, random, change, operator: operator.map_err(|failure| before(&failure))? };
    trail.kept(&place, work).await
}

/// A change that a local server makes as it starts, before it serves.
pub(crate) struct AtStart<'a> {
    /// Where the event goes: to the file that it names, or else to that of the data folder. A server that keeps nothing has
    /// none.
    pub(crate) audit: &'a Audit,
    pub(crate) folder: Option<&'a Path>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) random: &'a dyn Random,
}

impl AtStart<'_> {
    /// Does the `work` that makes a `change`, and writes its event.
    pub(crate) async fn kept(
        &self,
        change: &Change,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let Self { audit, folder, clock, random } = *self;
        let Some(place) = Place::local(audit, folder)? else {
            return work.await;
        };
        let operator = actor::local().map_err(|failure| before(&failure))?;
        Trail { audit, clock, random, change, operator }.kept(&place, work).await
    }
}

fn before(failure: &Failure) -> Failure {
    Failure::refused(format!("nothing was changed, since the audit log cannot be written: {}", failure.reason()))
}

fn shortened(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

/// What the events of a change have in common.
struct Trail<'a> {
    audit: &'a Audit,
    clock: &'a dyn Clock,
    random: &'a dyn Random,
    change: &'a Change,
    operator: Operator,
}

/// One event, as it is written.
struct Line {
    time: Moment,
    text: Vec<u8>,
}

/// Where the events of a command go on the data folder `data`, or in the deployment with these `outputs`, for people to read.
pub(crate) fn destination(file: Option<&OsStr>, data: Option<&Path>, outputs: Option<&Outputs>) -> Option<String> {
    let shown = |path: &Path| path.display().to_string();
    let named = file.map(|file| shown(Path::new(file)));
    let own = || data.map(|folder| shown(&folder.join(data_folder::AUDIT)));
    named.or_else(own).or_else(|| outputs.and_then(group_of).map(|group| format!("the log group {group}")))
}

impl Trail<'_> {
    /// Does the `work`, and writes its event to `place`.
    async fn kept(&self, place: &Place, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        if self.change.changes_many {
            let line = self.line(Outcome::Begun, None)?;
            place.write(&line).await.map_err(|failure| before(&failure))?;
        }
        let done = work.await;
        // What has begun, has an end.
        if self.audit.is_misuse(&done) && !self.change.changes_many {
            return done;
        }
        let written = async {
            let (outcome, reason) = self.audit.outcome(&done);
            place.write(&self.line(outcome, reason.as_deref())?).await
        };
        match (written.await, done) {
            (Ok(()), done) => done,
            (Err(failure), Ok(()) | Err(Failure::OutputClosed)) => Err(Failure::Failed(format!(
                "the change was made, but it is not in the audit log: {}",
                failure.reason()
            ))),
            (Err(failure), Err(why)) => {
                warn(&format!("what the following error has left is not in the audit log: {}", failure.reason()));
                Err(why)
            }
        }
    }

    fn line(&self, outcome: Outcome, reason: Option<&str>) -> Result<Line, Failure> {
        let Self { audit, change, operator, .. } = self;
        let mut random = [0; 16];
        self.random.fill(&mut random)?;
        let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
        let time = Moment::after_epoch(self.clock.since_epoch());
        let notes = audit.notes();
        // What was to be changed is not what was.
        let is_refused = outcome == Outcome::Refused;
        let mut event = Event::new(&id, time, audit.origin, operator.actor(), change.action, outcome);
        event.target = Some(Target { kind: change.kind, id: &change.target });
        event.reason = reason;
        event.sub = notes.sub.as_deref();
        event.changed = if is_refused { &[] } else { &notes.changed };
        event.counts = notes.counts.as_ref();
        let mut text = Vec::new();
        event.write_line(&mut text)?;
        Ok(Line { time, text })
    }
}

/// Where events go.
enum Place {
    File(AuditFile),
    Group(AuditGroup),
}

impl Place {
    /// The place for the events of a command, which can be written; `None` if none is configured.
    async fn open(context: &Context) -> Result<Option<Self>, Failure> {
        if let Some(local) = Self::local(&context.audit, context.data.as_deref())? {
            return Ok(Some(local));
        }
        if let Some(name) = context.outputs.as_deref().and_then(group_of) {
            let opened =
                AuditGroup::open(name, &context.account, Moment::after_epoch(context.clock.since_epoch())).await;
            return opened.map(|group| Some(Self::Group(group))).map_err(|failure| before(&failure));
        }
        warn(match context.outputs {
            Some(_) => {
                "this change is not in an audit log: the deployment is of an earlier version, and has none; deploy this version, or \
                 name a file with --audit-log"
            }
            None => {
                "this change is not in an audit log: name the deployment with --stack or --terraform-outputs, or a file with \
                 --audit-log"
            }
        });
        Ok(None)
    }

    /// The file that is named, or that of the data `folder`; `None` without either.
    fn local(audit: &Audit, folder: Option<&Path>) -> Result<Option<Self>, Failure> {
        match (&audit.file, folder) {
            (Some(path), _) => Self::file(path).map(Some),
            (None, Some(folder)) => Self::file(&data_folder::audit_file(folder)?).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        AuditFile::open(path).map(Self::File).map_err(|failure| before(&failure))
    }

    async fn write(&self, line: &Line) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.append(&line.text),
            Self::Group(group) => Box::pin(group.put(line)).await,
        }
    }
}

/// The log group of operators' events, if the deployment has one.
fn group_of(outputs: &Outputs) -> Option<String> {
    outputs.named(LOG_GROUP.0, LOG_GROUP.1).map(str::to_owned)
}
