//! The deployed `bootstrap` under AWS's Lambda runtime interface emulator, with the embedded DynamoDB and the KMS double
//! behind it. `.ci/emulator` builds the one, gets the other, and says where they are.

#[path = "../it/kms.rs"]
mod kms;
#[path = "../it/loopback.rs"]
mod loopback;
#[path = "../it/sdk.rs"]
mod sdk;
#[path = "../it/wire.rs"]
mod wire;

mod deployment;
mod emulator;
mod event;

mod environment;
mod faults;
mod front_doors;
mod hostile_events;
mod protocol;
mod residue;
