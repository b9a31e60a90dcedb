//! Digits that are being dialled, as applications hold them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use talkpath_media::StreamIndex;
use talkpath_media::dtmf::{DialEnd, DialId, Dtmf};

use super::Core;
use crate::error::SessionError;
use crate::wait::{Abandoned, Pending, pending};
use crate::worker::Command;

/// Digits that are being dialled.
///
/// Dropping it stops nothing. What is dialled before the answer or on hold
/// waits until the peer may be sent something; a key that is down when a hold
/// begins is not pressed again. It is a [`Future`]; without a runtime,
/// [`Digits::wait`] blocks until the last key was let go.
///
/// ```
/// # use talkpath::{Audio, Codec, DialEnd, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(26800..=26900).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let digits = caller.dtmf("0,,4242#")?;
/// digits.stop()?;
/// assert_eq!(digits.wait()?, DialEnd::Stopped);
/// # drop(callee);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dialling goes on without it; wait for it, or drop it on purpose"]
pub struct Digits {
    core: Arc<Core>,
    stream: StreamIndex,
    id: DialId,
    end: Pending<DialEnd>,
}

/// Dials into a stream.
pub(super) fn dial(
    core: &Arc<Core>,
    stream: StreamIndex,
    dtmf: Dtmf,
) -> Result<Digits, SessionError> {
    let place = core.reserve()?;
    let state = core.open_state()?;
    let audio = state.wanted.at(usize::from(stream.0));
    audio.ok_or(SessionError::NoSuchStream { line: stream.0 })?;
    drop(state);
    let id = DialId(NEXT.fetch_add(1, Ordering::Relaxed));
    let (done, end) = pending(Arc::clone(&core.shared.driver));
    place.send(Command::Dial {
        session: core.id,
        stream,
        id,
        dtmf,
        done,
    });
    Ok(Digits {
        core: Arc::clone(core),
        stream,
        id,
        end,
    })
}

impl Digits {
    /// Blocks until the last key was let go, or dialling was stopped: by
    /// [`Digits::stop`], or because the stream or the session ended.
    ///
    /// # Errors
    /// [`Abandoned`] when the manager ended before.
    pub fn wait(self) -> Result<DialEnd, Abandoned> {
        self.end.wait()
    }

    /// Blocks until it has ended or `timeout` has passed; none when it goes on.
    ///
    /// # Errors
    /// As [`Digits::wait`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<DialEnd, Abandoned>> {
        self.end.wait_timeout(timeout)
    }

    /// Whether nothing has to be waited for any more.
    pub fn is_ready(&self) -> bool {
        self.end.is_ready()
    }

    /// Stops dialling: a key that is down is let go.
    ///
    /// # Errors
    /// [`SessionError::Closed`], and then nothing is dialled any more.
    pub fn stop(&self) -> Result<(), SessionError> {
        let place = self.core.reserve()?;
        drop(self.core.open_state()?);
        place.send(Command::StopDialling {
            session: self.core.id,
            stream: self.stream,
            id: self.id,
        });
        Ok(())
    }
}

impl Future for Digits {
    type Output = Result<DialEnd, Abandoned>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.end).poll(context)
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digits").field("end", &self.end).finish()
    }
}

/// Numbers of diallings, unique within the process: none is ever repeated.
static NEXT: AtomicU64 = AtomicU64::new(0);
