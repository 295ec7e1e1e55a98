//! A signing key, wherever it is.

use crate::signing::envelope::{EnvelopeKey, Envelopes};
use crate::signing::in_process::InProcessKey;
use crate::signing::kms::KmsKey;
use crate::signing::listed::ListedKey;
#[cfg(feature = "cli")]
use crate::signing::on_demand::OnDemandKey;

/// One signing key.
pub enum SigningKey {
    /// A key in KMS.
    Kms(KmsKey),
    /// A wrapped key, which signs in this process.
    Envelope(EnvelopeKey),
    /// A key in this process.
    InProcess(InProcessKey),
    /// A key in this process, made the first time it is needed.
    #[cfg(feature = "cli")]
    OnDemand(OnDemandKey),
}

impl SigningKey {
    /// The key that is listed as `listed`: in KMS, or one of `envelopes`.
    #[must_use]
    pub fn listed(listed: &ListedKey, envelopes: &Envelopes) -> Self {
        match listed.envelope() {
            Some(_) => Self::Envelope(EnvelopeKey::new(envelopes.clone(), listed.clone())),
            None => Self::Kms(KmsKey::new(envelopes.kms(), listed.clone())),
        }
    }
}
