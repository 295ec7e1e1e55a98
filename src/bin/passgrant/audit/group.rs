//! A log group of CloudWatch Logs, with a stream for each day.

use aws_sdk_cloudwatchlogs::Client as CloudWatchLogs;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_cloudwatchlogs::operation::put_log_events::{PutLogEventsError, PutLogEventsOutput};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use passgrant::audit::Moment;

use crate::account::{Account, told};
use crate::audit::Line;
use crate::failure::Failure;

/// A moment whose events CloudWatch Logs no longer takes, which proves that it would take others.
const LONG_AGO: Moment = Moment(0);

type Put = Result<PutLogEventsOutput, SdkError<PutLogEventsError>>;

/// A log group that can be written to.
pub(super) struct AuditGroup {
    logs: CloudWatchLogs,
    name: String,
    stream: String,
}

impl AuditGroup {
    /// The log group called `name`, with the stream of the day of `now`.
    pub(super) async fn open(name: String, account: &Account, now: Moment) -> Result<Self, Failure> {
        let logs = CloudWatchLogs::new(&account.patient_config().await);
        let day = now.to_string().chars().take("2026-11-27".len()).collect();
        let group = Self { logs, name, stream: day };
        let made =
            group.logs.create_log_stream().log_group_name(&group.name).log_stream_name(&group.stream).send().await;
        match made {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => {}
            Err(error) => return Err(group.problem(&told(&error))),
        }
        group.prove().await?;
        Ok(group)
    }

    /// Finds out whether events may be put, by putting one that is too old to be kept.
    async fn prove(&self) -> Result<(), Failure> {
        match self.send(LONG_AGO, "{}").await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("InvalidParameterException") => Ok(()),
            Err(error) => Err(self.problem(&told(&error))),
        }
    }

    /// Puts an event.
    pub(super) async fn put(&self, line: &Line) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(&line.text);
        let answer = self.send(line.time, text.trim_end()).await;
        let answer = answer.map_err(|error| self.problem(&told(&error)))?;
        match answer.rejected_log_events_info() {
            None => Ok(()),
            Some(_) => Err(self.problem("it does not take an event with the time of this machine's clock")),
        }
    }

    async fn send(&self, time: Moment, text: &str) -> Put {
        let time = i64::try_from(time.0).unwrap_or(i64::MAX);
        let event =
            InputLogEvent::builder().timestamp(time).message(text).build().map_err(SdkError::construction_failure)?;
        let put = self.logs.put_log_events().log_group_name(&self.name).log_stream_name(&self.stream);
        put.log_events(event).send().await
    }

    fn problem(&self, reason: &str) -> Failure {
        Failure::refused(format!("the log group {}: {reason}", self.name))
    }
}
