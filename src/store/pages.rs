//! The contents of a whole table, page by page: for the command line only.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::store::item::Item;
use crate::store::outcome::StoreError;

/// The items of a table, as `T`, in no particular order. A page is requested only after the one before it has been
/// taken.
pub struct Pages<'s, T> {
    /// The request for the next page.
    request: Option<ScanFluentBuilder>,
    /// How many items were read for the last page.
    scanned: usize,
    read: Box<dyn Fn(Item) -> Result<T, StoreError> + Send + Sync + 's>,
}

impl<'s, T> Pages<'s, T> {
    /// What `request` finds, each item read by `read`.
    pub(super) fn new(
        request: ScanFluentBuilder,
        read: impl Fn(Item) -> Result<T, StoreError> + Send + Sync + 's,
    ) -> Self {
        Self { request: Some(request), scanned: 0, read: Box::new(read) }
    }

    /// The next page, which may be empty; `None` after the last. One that could not be read is the next one still.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer, or an item cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        let Some(request) = &self.request else {
            return Ok(None);
        };
        let page = request.clone().send().await.map_err(StoreError::from_sdk)?;
        self.scanned = usize::try_from(page.scanned_count).unwrap_or_default();
        let read = page.items.unwrap_or_default().into_iter().map(&self.read).collect::<Result<_, _>>()?;
        let request = self.request.take().zip(page.last_evaluated_key);
        self.request = request.map(|(request, last)| request.set_exclusive_start_key(Some(last)));
        Ok(Some(read))
    }

    /// How many items were read for the last page, those included that it does not show.
    #[must_use]
    pub fn scanned(&self) -> usize {
        self.scanned
    }

    /// Whether there is no page any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.request.is_none()
    }

    /// What is on all of the pages.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn all(mut self) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        while let Some(page) = self.next().await? {
            all.extend(page);
        }
        Ok(all)
    }
}
