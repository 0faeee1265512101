//! What the RTSP metadata track sends, as it happens.

use std::{collections::VecDeque, sync::Arc};

use lpr_core::UtcTime;
use platecam_model::{SceneSubscription, settings::OnvifMetadata};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::scene::{event_document, scene_document};
use crate::{
    events::{Notice, stored_filter},
    service::{Inner, OnvifService},
};

/// One document of the metadata stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataDocument {
    /// Time of the picture or event that it is about; the track's RTP time follows from it.
    pub at: UtcTime,
    /// UTF-8 XML with one `tt:MetadataStream` root.
    pub xml: String,
}

/// The documents of the metadata stream, in order; made by [`OnvifService::metadata`].
#[derive(Debug)]
pub struct MetadataFeed {
    inner: Arc<Inner>,
    scenes: SceneSubscription,
    notices: Receiver<Arc<Notice>>,
    synchronize: Receiver<()>,
    ready: VecDeque<MetadataDocument>,
}

impl OnvifService {
    /// Follows analysed frames and notifications from now on. The first document holds the states of
    /// all properties; a synchronisation point repeats it.
    pub fn metadata(&self) -> MetadataFeed {
        let inner = self.0.clone();
        let mut feed = MetadataFeed {
            scenes: inner.device.bus.subscribe_scenes(),
            notices: inner.notices.subscribe(),
            synchronize: inner.synchronize.subscribe(),
            ready: VecDeque::new(),
            inner,
        };
        feed.states();
        feed
    }
}

impl MetadataFeed {
    /// The next document; `None` when the device stops. May be dropped and called again: nothing is
    /// lost.
    pub async fn next(&mut self) -> Option<MetadataDocument> {
        loop {
            if let Some(document) = self.ready.pop_front() {
                return Some(document);
            }
            tokio::select! {
                scene = self.scenes.recv() => match scene {
                    Ok(scene) if self.settings().analytics => self.ready.push_back(MetadataDocument {
                        at: scene.captured_at,
                        xml: scene_document(&scene, |track| self.inner.plate_picture(track)),
                    }),
                    Ok(_) => {}
                    // Late frames are worth nothing: go on with the newest.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                notice = self.notices.recv() => match notice {
                    Ok(notice) => self.events(notice.at, &[&notice]),
                    // States may have been missed: say all of them.
                    Err(RecvError::Lagged(_)) => self.states(),
                    Err(RecvError::Closed) => return None,
                },
                sync = self.synchronize.recv() => match sync {
                    Ok(()) | Err(RecvError::Lagged(_)) => self.states(),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn states(&mut self) {
        let now = self.inner.now();
        let states = self.inner.subscriptions.states(now);
        self.events(now, &states.iter().collect::<Vec<_>>());
    }

    fn settings(&self) -> Arc<OnvifMetadata> {
        self.inner.device.settings.get::<OnvifMetadata>()
    }

    fn events(&mut self, at: UtcTime, notices: &[&Notice]) {
        let settings = self.settings();
        let wanted = stored_filter(&settings.topic_filter, &settings.content_filter)
            .filter(|_| settings.events);
        let Some(wanted) = wanted else { return };
        let notices: Vec<&Notice> = notices
            .iter()
            .copied()
            .filter(|n| wanted.wants(n))
            .collect();
        if notices.is_empty() {
            return;
        }
        // No client asked for this, so the address is the unit's own.
        let base = self.inner.own_base();
        self.ready.push_back(MetadataDocument {
            at,
            xml: event_document(&notices, &base),
        });
    }
}
