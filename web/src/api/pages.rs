//! Answers of many pages, of which one is in memory at a time.

use std::{future::Future, io};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

use crate::problem::Answer;

/// A body that begins with `first` and asks for the page after it while there is one.
///
/// A page that cannot be read breaks the answer off: half a list must not look whole. Whoever calls has read the first page before, so that what is
/// refused is refused with a status.
pub(super) fn body<N, F, P>(first: (Bytes, Option<N>), page: F) -> Body
where
    N: Send + 'static,
    F: Fn(N) -> P + Send + 'static,
    P: Future<Output = Answer<(Bytes, Option<N>)>> + Send + 'static,
{
    Body::from_stream(stream::try_unfold(Some(first), move |state| {
        let (chunk, next) = state.map_or((None, None), |(chunk, next)| (Some(chunk), next));
        let next = next.map(&page);
        async move {
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            let following = match next {
                None => None,
                Some(page) => Some(page.await.map_err(|_| io::Error::other("broken off"))?),
            };
            Ok::<_, io::Error>(Some((chunk, following)))
        }
    }))
}
