//! The tables: whether they are there, and what keeps them from being lost.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, TableStatus, TimeToLiveStatus};
use passgrant::store::TableNames;

use super::unanswered;
use crate::doctor::report::Finding;

const EXPIRY: &str = "expires_at";

/// Examines each table.
pub(super) async fn examine(config: &SdkConfig, names: &TableNames) -> Vec<Finding> {
    let dynamodb = DynamoDb::new(config);
    let mut findings = Vec::new();
    for name in [&names.clients, &names.users, &names.tokens] {
        findings.push(table(&dynamodb, name).await);
        findings.push(backups(&dynamodb, name).await);
    }
    findings.push(expiry(&dynamodb, &names.tokens).await);
    findings
}

async fn table(dynamodb: &DynamoDb, name: &str) -> Finding {
    const CHECK: &str = "table";

    let answer = match dynamodb.describe_table().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(CHECK, name, "dynamodb:DescribeTable", &error),
    };
    let Some(table) = answer.table() else {
        return Finding::skipped(CHECK, format!("{name}: DynamoDB did not describe it"));
    };
    match table.table_status() {
        Some(TableStatus::Active | TableStatus::Updating) => {}
        status => {
            let status = status.map_or("of no known status", TableStatus::as_str);
            return Finding::failed(CHECK, format!("{name} is {status}: it cannot be used"));
        }
    }
    if table.deletion_protection_enabled() == Some(true) {
        return Finding::ok(CHECK, format!("{name} is active and protected from deletion"));
    }
    Finding::warning(
        CHECK,
        format!("{name} may be deleted by anybody who may delete tables: deploy with DeletionProtection=true"),
    )
}

async fn backups(dynamodb: &DynamoDb, name: &str) -> Finding {
    const CHECK: &str = "backups";

    let answer = match dynamodb.describe_continuous_backups().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(CHECK, name, "dynamodb:DescribeContinuousBackups", &error),
    };
    let recovery =
        answer.continuous_backups_description().and_then(|backups| backups.point_in_time_recovery_description());
    match recovery.and_then(|recovery| recovery.point_in_time_recovery_status()) {
        Some(PointInTimeRecoveryStatus::Enabled) => Finding::ok(CHECK, format!("{name} has point-in-time recovery")),
        _ => Finding::warning(
            CHECK,
            format!("{name} has no point-in-time recovery: what is deleted by mistake is lost; turn it on"),
        ),
    }
}

async fn expiry(dynamodb: &DynamoDb, name: &str) -> Finding {
    const CHECK: &str = "expiry";

    let answer = match dynamodb.describe_time_to_live().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(CHECK, name, "dynamodb:DescribeTimeToLive", &error),
    };
    let described = answer.time_to_live_description();
    let is_on = described.and_then(|ttl| ttl.time_to_live_status()) == Some(&TimeToLiveStatus::Enabled);
    if is_on && described.and_then(|ttl| ttl.attribute_name()) == Some(EXPIRY) {
        return Finding::ok(CHECK, format!("{name} forgets what has expired"));
    }
    Finding::warning(
        CHECK,
        format!("{name} has no TTL on {EXPIRY}: it grows for ever; turn it on (a restored table has none)"),
    )
}
