//! Requests that are held, so that a test can kill whoever sent them.

use std::sync::Mutex;

use tokio::sync::Notify;

/// Where in a request's life it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before anything is done.
    Before,
    /// After it is done, before the answer.
    After,
}

/// One request of a sequence to hold for good.
#[derive(Debug, Default)]
pub(super) struct Hold {
    wanted: Mutex<Option<(usize, Moment)>>,
    reached: Notify,
}

impl Hold {
    pub(super) fn set(&self, wanted: Option<(usize, Moment)>) {
        *self.wanted.lock().expect("nobody panics holding it") = wanted;
    }

    /// Resolves once the request is held.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Holds the request `number` for good if it is wanted at this moment.
    pub(super) async fn pass(&self, number: usize, moment: Moment) {
        let wanted = *self.wanted.lock().expect("nobody panics holding it");
        if wanted == Some((number, moment)) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
