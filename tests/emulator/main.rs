//! The deployed `bootstrap` under AWS's Lambda runtime interface emulator, with the embedded DynamoDB and the KMS double
//! behind it. `.ci/emulator` builds the one, gets the other, and says where they are.

/// What stands in for AWS, as the integration tests have it.
#[path = "../it/rig"]
mod rig {
    pub(crate) mod kms;
    pub(crate) mod loopback;
    pub(crate) mod sdk;
    pub(crate) mod wire;
}

mod deployment;
mod emulator;
mod event;

mod clients;
mod environment;
mod faults;
mod front_doors;
mod hostile_events;
mod protocol;
mod residue;
