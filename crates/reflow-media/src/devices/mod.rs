//! Devices of the platform: microphones and cameras. What they give comes live, so of what nobody takes in time the newest is kept, and what
//! is lost is counted.
//!
//! A device works on a thread of its own, from when it is found to when it is let go of: nothing of it need be `Send`, and nobody else waits
//! for its driver. What there is of a kind is behind [`Devices`]; tests have some that are made up.

#[cfg(not(all(feature = "cameras", feature = "microphones", target_os = "linux", target_pointer_width = "64")))]
mod absent;
pub(crate) mod cameras;
mod capture;
mod feed;
pub(crate) mod microphones;
#[cfg(test)]
pub(crate) mod synthetic;
#[cfg(test)]
mod trials;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reflow_component::prelude::*;
use tokio::sync::{oneshot, watch};

pub(crate) use capture::{Captures, Work, is_true};
pub(crate) use feed::Feed;

/// The devices of a kind.
pub(crate) trait Devices: Send + 'static {
    /// One of them, as it was found.
    type Device;
    /// How it is to work.
    type Wish: Send + 'static;
    /// How it works.
    type Format: Copy + Send + 'static;
    /// What it gives at once.
    type Piece: Send + 'static;

    /// What one of them is called.
    const KIND: &str;
    /// How long one may give nothing before it counts as broken.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// How to get a build that has them, where this one does not.
    fn absent() -> Option<String> {
        None
    }

    /// What there is; the one that is meant where nobody says comes first.
    ///
    /// # Errors
    /// Why it cannot be known.
    fn list(&self) -> Result<Vec<(Name, Self::Device)>, String>;

    /// Begins.
    ///
    /// # Errors
    /// Why it does not.
    fn open(&self, device: Self::Device, wish: &Self::Wish) -> Result<Opened<Self>, String>;

    /// How much room a piece takes, and how much is lost with it.
    fn weight(format: &Self::Format, piece: &Self::Piece) -> usize;
}

/// A device at work, and how.
pub(crate) type Opened<D> = (<D as Devices>::Format, Box<dyn Source<<D as Devices>::Piece>>);

/// A device at work. Dropping it ends that.
pub(crate) trait Source<T> {
    /// The next piece, `None` when none comes for `wait`.
    ///
    /// # Errors
    /// Why there are no more.
    fn next(&mut self, wait: Duration) -> Result<Option<T>, String>;

    /// How much the device and its driver have lost by themselves.
    fn lost(&self) -> u64;
}

/// What a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// By the platform: it is the same after a restart.
    pub(crate) id: String,
    /// For people.
    pub(crate) text: String,
}

/// A device that works for a reader.
pub(crate) struct Live<D: Devices> {
    pub(crate) name: Name,
    pub(crate) format: D::Format,
    pub(crate) pieces: Pieces<D::Piece>,
}

/// What a device gives. Dropping it ends its work.
pub(crate) struct Pieces<T> {
    feed: Arc<Feed<T>>,
    thread: watch::Receiver<()>,
}

impl<T> Pieces<T> {
    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// Why there are no more.
    pub(crate) async fn next(&self) -> Result<Option<T>, String> {
        self.feed.next().await
    }

    /// How much was lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.feed.lost()
    }

    /// Completes when the device was let go of.
    pub(crate) fn released(&self) -> Released {
        Released(self.thread.clone())
    }
}

impl<T> Drop for Pieces<T> {
    fn drop(&mut self) {
        self.feed.close();
    }
}

/// A device that may still be in use.
pub(crate) struct Released(watch::Receiver<()>);

impl Released {
    /// Waits until nobody has it any more.
    pub(crate) async fn wait(mut self) {
        // Nothing is ever sent; the thread's end is the end of the channel.
        while self.0.changed().await.is_ok() {}
    }
}

/// How soon a device is let go of that gives nothing.
const LOOK: Duration = Duration::from_millis(20);

/// Finds the device that is meant, and lets it work on a thread of its own. Pieces of the weight `room` are kept for the reader.
///
/// # Errors
/// Why there is no such device, or why it does not work.
pub(crate) async fn open<D: Devices>(
    devices: D,
    wanted: String,
    wish: D::Wish,
    room: impl FnOnce(&D::Format) -> usize + Send + 'static,
) -> Result<Live<D>, String> {
    let feed = Arc::new(Feed::new(0));
    let (alive, thread) = watch::channel(());
    let pieces = Pieces { feed: Arc::clone(&feed), thread };
    let (reply, answer) = oneshot::channel::<Result<(Name, D::Format), String>>();
    let work = move || {
        let opened = (|| -> Result<_, String> {
            let listed = devices.list()?;
            let names: Vec<Name> = listed.iter().map(|(name, _)| name.clone()).collect();
            let place = find(&names, &wanted, D::KIND)?;
            let (name, device) = listed.into_iter().nth(place).ok_or("it is gone")?;
            let (format, source) = devices
                .open(device, &wish)
                .map_err(|text| format!("the {} {} does not work: {text}", D::KIND, name.quoted()))?;
            Ok((name, format, source))
        })();
        match opened {
            Ok((name, format, source)) => {
                feed.set_room(room(&format));
                if reply.send(Ok((name, format))).is_ok() {
                    feed_from::<D>(&format, source, &feed);
                }
            }
            Err(text) => _ = reply.send(Err(text)),
        }
    };
    let told = Arc::clone(&pieces.feed);
    let guarded = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            told.end(Err("its driver panicked".to_string()));
        }
        drop(alive);
    };
    std::thread::Builder::new().name(D::KIND.into()).spawn(guarded).map_err(|error| error.to_string())?;
    let (name, format) = answer.await.map_err(|_| format!("the driver of the {} panicked", D::KIND))??;
    Ok(Live { name, format, pieces })
}

/// Finds the device that is meant, and leaves it alone.
///
/// # Errors
/// Why there is no such device.
pub(crate) async fn look<D: Devices>(devices: D, wanted: String) -> Result<Name, String> {
    let names = move || {
        let names: Vec<Name> = devices.list()?.into_iter().map(|(name, _)| name).collect();
        let place = find(&names, &wanted, D::KIND)?;
        Ok(names[place].clone())
    };
    tokio::task::spawn_blocking(names).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Hands over what a device gives, until nobody wants it or there is no more.
fn feed_from<D: Devices>(format: &D::Format, mut source: Box<dyn Source<D::Piece>>, feed: &Feed<D::Piece>) {
    let mut last = Instant::now();
    while !feed.is_closed() {
        match source.next(LOOK) {
            Ok(Some(piece)) => {
                last = Instant::now();
                let weight = D::weight(format, &piece);
                feed.push(piece, weight, source.lost());
            }
            Ok(None) if last.elapsed() < D::PATIENCE => {}
            Ok(None) => {
                feed.end(Err(format!("the {} gave nothing for {:?}", D::KIND, D::PATIENCE)));
                return;
            }
            Err(text) => {
                feed.end(Err(format!("the {} is gone: {text}", D::KIND)));
                return;
            }
        }
    }
}

impl Name {
    fn quoted(&self) -> String {
        if self.id == self.text { format!("`{}`", self.id) } else { format!("`{}` ({})", self.text, self.id) }
    }
}

/// The place of the device that is meant: by what it is called, in any letter case, or a part of that that no other has, or by its number.
/// Nothing means the first one.
fn find(names: &[Name], wanted: &str, kind: &str) -> Result<usize, String> {
    let wanted = wanted.trim();
    if names.is_empty() {
        return Err(format!("there is no {kind} here"));
    }
    if wanted.is_empty() {
        return Ok(0);
    }
    if let Some(place) = names.iter().position(|name| name.id == wanted) {
        return Ok(place);
    }
    let lower = wanted.to_lowercase();
    let places = |fits: &dyn Fn(&Name) -> bool| -> Vec<usize> {
        (0..names.len()).filter(|place| fits(&names[*place])).collect()
    };
    // Two of a model have one name.
    let mut found = places(&|name| name.text.to_lowercase() == lower);
    if found.is_empty() {
        found.extend(wanted.parse().ok().filter(|place: &usize| *place < names.len()));
    }
    if found.is_empty() {
        found = places(&|name| name.id.to_lowercase().contains(&lower) || name.text.to_lowercase().contains(&lower));
    }
    let listed = |places: &mut dyn Iterator<Item = usize>| {
        places.map(|place| format!("{place} {}", names[place].quoted())).collect::<Vec<_>>().join(", ")
    };
    match found[..] {
        [place] => Ok(place),
        [] => Err(format!("there is no {kind} `{wanted}`; there are {}", listed(&mut (0..names.len())))),
        _ => Err(format!("`{wanted}` may be more than one {kind}: {}", listed(&mut found.iter().copied()))),
    }
}

/// How often losses are told.
const TELL: Duration = Duration::from_millis(200);

/// Counts what a node loses of what comes live, where all can see it.
pub(crate) struct Losses {
    node: NodeHandle,
    what: &'static str,
    lost: u64,
    /// When how many were told.
    told: Option<(Instant, u64)>,
}

impl Losses {
    pub(crate) fn new(node: &NodeHandle, what: &'static str) -> Self {
        Self { node: node.clone(), what, lost: 0, told: None }
    }

    /// There are so many now: a fact of the node, and at the first a warning, before it is too late to do anything.
    pub(crate) fn tell(&mut self, lost: u64) {
        self.lost = lost;
        match self.told {
            None if lost > 0 => {
                let text = format!("{} are lost: they come faster than they are read, or damaged", self.what);
                self.node.log("warning", text.as_str());
                self.publish();
            }
            Some((when, told)) if told != lost && when.elapsed() >= TELL => self.publish(),
            _ => {}
        }
    }

    fn publish(&mut self) {
        self.told = Some((Instant::now(), self.lost));
        // A node has room for one fact.
        let _ = self.node.publish("lost", self.lost);
    }

    /// Waits for `work`, and tells meanwhile what is `lost`: a reader that stands still is why there is any.
    pub(crate) async fn during<T>(&mut self, lost: impl Fn() -> u64, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    self.tell(lost());
                    return done;
                }
                () = tokio::time::sleep(TELL) => self.tell(lost()),
            }
        }
    }

    /// Says how many there were in the end.
    pub(crate) fn end(mut self) -> u64 {
        if self.lost > 0 {
            self.publish();
            self.node.log("warning", format!("{} {} were lost", self.lost, self.what).as_str());
        }
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<Name> {
        [
            ("/dev/video0", "Integrated Camera"),
            ("/dev/video2", "USB Camera"),
            ("/dev/video4", "2"),
            ("/dev/video6", "2"),
        ]
        .map(|(id, text)| Name { id: id.into(), text: text.into() })
        .into()
    }

    #[test]
    fn devices_are_found_by_what_they_are_called_and_by_their_numbers() {
        let found = |wanted: &str| find(&names(), wanted, "camera");
        for (wanted, place) in
            [("", 0), ("/dev/video2", 1), ("usb camera", 1), ("usb", 1), ("1", 1), ("3", 3), ("video4", 2), (" 0 ", 0)]
        {
            assert_eq!(found(wanted), Ok(place), "{wanted}");
        }
        assert_eq!(
            found("nine"),
            Err("there is no camera `nine`; there are 0 `Integrated Camera` (/dev/video0), 1 `USB Camera` (/dev/video2), \
                 2 `2` (/dev/video4), 3 `2` (/dev/video6)"
                .into())
        );
        assert_eq!(
            found("2"),
            Err("`2` may be more than one camera: 2 `2` (/dev/video4), 3 `2` (/dev/video6)".into()),
            "a name goes before a number"
        );
        assert_eq!(
            found("camera"),
            Err("`camera` may be more than one camera: 0 `Integrated Camera` (/dev/video0), 1 `USB Camera` \
                 (/dev/video2)"
                .into())
        );
        assert_eq!(find(&[], "", "camera"), Err("there is no camera here".into()));
    }
}
