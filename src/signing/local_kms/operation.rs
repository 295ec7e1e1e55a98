//! What KMS can be asked for, as far as this one answers.

/// An operation of KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Unwraps what a symmetric key wrapped.
    Decrypt,
    /// Says what a key is.
    DescribeKey,
    /// Wraps a few bytes with a symmetric key.
    Encrypt,
    /// Makes a key pair, whose private half is wrapped.
    GenerateDataKeyPairWithoutPlaintext,
    /// Makes a MAC.
    GenerateMac,
    /// Gives the public half of a key pair.
    GetPublicKey,
    /// Signs.
    Sign,
    /// Verifies a MAC.
    VerifyMac,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Decrypt,
        Self::DescribeKey,
        Self::Encrypt,
        Self::GenerateDataKeyPairWithoutPlaintext,
        Self::GenerateMac,
        Self::GetPublicKey,
        Self::Sign,
        Self::VerifyMac,
    ];

    /// The operation that an `X-Amz-Target` header names.
    pub(super) fn from_target(target: &str) -> Option<Self> {
        let name = target.strip_prefix("TrentService.")?;
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Its name, as in `kms:Sign`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decrypt => "Decrypt",
            Self::DescribeKey => "DescribeKey",
            Self::Encrypt => "Encrypt",
            Self::GenerateDataKeyPairWithoutPlaintext => "GenerateDataKeyPairWithoutPlaintext",
            Self::GenerateMac => "GenerateMac",
            Self::GetPublicKey => "GetPublicKey",
            Self::Sign => "Sign",
            Self::VerifyMac => "VerifyMac",
        }
    }
}
