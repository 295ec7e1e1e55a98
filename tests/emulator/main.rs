//! The deployed `bootstrap` under AWS's Lambda runtime interface emulator, with the embedded DynamoDB and the KMS double
//! behind it. `.ci/emulator` builds the one, gets the other, and says where they are.

/// What stands in for AWS and what is stored in it, as the integration tests have them. What only those use of a part is
/// not dead: they are built from the same files.
#[path = "../it/rig"]
mod rig {
    #[expect(dead_code, reason = "the integration tests have more kinds of clients")]
    pub(crate) mod client;
    #[expect(dead_code, reason = "the function has the machine's clock")]
    pub(crate) mod clock;
    #[expect(dead_code, reason = "the integration tests have verifiers that misbehave")]
    pub(crate) mod delegate;
    pub(crate) mod demo;
    #[expect(dead_code, reason = "the integration tests have clients with keys of every kind")]
    pub(crate) mod key_pair;
    pub(crate) mod kms;
    pub(crate) mod loopback;
    pub(crate) mod path;
    pub(crate) mod random;
    pub(crate) mod sdk;
    #[expect(dead_code, reason = "the integration tests have more users")]
    pub(crate) mod user;
    pub(crate) mod wire;
}

mod deployment;
mod emulator;
mod event;

mod clients;
mod deployed;
mod environment;
mod faults;
mod front_doors;
mod hostile_events;
mod protocol;
mod residue;
