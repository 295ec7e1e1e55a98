//! Reading a whole table, however busy it is.

use passgrant::random::OsRandom;
use passgrant::store::backoff::Backoff;
use passgrant::store::pages::Pages;
use tokio::time::sleep;

use crate::failure::Failure;

/// The next page, however DynamoDB throttles.
pub(crate) async fn patiently<T>(pages: &mut Pages<'_, T>) -> Result<Option<Vec<T>>, Failure> {
    let mut backoff = Backoff::new(&OsRandom);
    loop {
        match pages.next().await {
            Err(error) if error.is_transient() => match backoff.wait()? {
                Some(wait) => sleep(wait).await,
                None => return Err(error.into()),
            },
            page => return Ok(page?),
        }
    }
}
