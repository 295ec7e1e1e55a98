//! Where the service of the place is, if it can be reached.

use passgrant::issuer::Issuer;

use crate::console::Place;
use crate::data_folder;

/// A service that answers requests.
pub(super) struct Service {
    /// What it calls itself in tokens.
    pub(super) issuer: Issuer,
    /// Where it is reached from here.
    pub(super) url: String,
}

impl Service {
    /// That of the deployment; or the server that runs on the data folder, if there is one.
    pub(super) fn of(place: &Place) -> Option<Self> {
        let Some(folder) = &place.data else {
            let issuer = place.config.issuer.clone()?;
            return Some(Self { url: issuer.as_str().to_owned(), issuer });
        };
        let published = data_folder::served(folder)?;
        let issuer = Issuer::parse(&published.issuer?).ok()?;
        Some(Self { issuer, url: published.url? })
    }

    /// The address of what is at `path` of it.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }
}
