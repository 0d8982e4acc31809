//! Where in a nested value reading is.

/// The steps from the root to every place that was read. They become a text only where something is wrong.
pub(crate) struct Trail(Vec<(Place, &'static str)>);

/// A place of a [`Trail`].
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

/// More steps than these are left out in the middle of a text.
const SHOWN: usize = 40;

impl Trail {
    pub(crate) const ROOT: Place = Place(0);

    pub(crate) fn new() -> Self {
        Self(vec![(Self::ROOT, "root")])
    }

    /// The member `key` of a place.
    pub(crate) fn step(&mut self, from: Place, key: &'static str) -> Place {
        self.0.push((from, key));
        Place(self.0.len() - 1)
    }

    /// `root.left.child`.
    pub(crate) fn text(&self, place: Place) -> String {
        let mut steps = vec![self.0[place.0].1];
        let mut at = place;
        while at.0 != 0 {
            at = self.0[at.0].0;
            steps.push(self.0[at.0].1);
        }
        steps.reverse();
        if steps.len() > 2 * SHOWN {
            let last = steps.len() - SHOWN;
            return format!("{}.….{}", steps[..SHOWN].join("."), steps[last..].join("."));
        }
        steps.join(".")
    }
}
