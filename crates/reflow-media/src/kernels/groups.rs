//! Things that belong together, a sample of each channel for example, however the data is cut.

/// Puts groups together that the end of a block has cut.
#[derive(Clone, Debug)]
pub struct Groups<T> {
    size: usize,
    /// The begun group.
    rest: Vec<T>,
}

impl<T: Copy> Groups<T> {
    /// Groups of so many things, at least one.
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), rest: Vec::new() }
    }

    /// How many things are a group.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The whole groups of a block and of what was left before it; the rest of the last one waits for the next block.
    pub fn whole(&mut self, block: Vec<T>) -> Vec<T> {
        if self.rest.is_empty() && block.len().is_multiple_of(self.size) {
            return block;
        }
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(&block);
        self.rest = whole.split_off(whole.len() - whole.len() % self.size);
        whole
    }

    /// The begun group, for the end.
    pub fn rest(&mut self) -> Vec<T> {
        std::mem::take(&mut self.rest)
    }
}

/// Interleaved samples channel by channel; what is less than a group is left out.
pub fn apart(samples: &[f32], channels: usize) -> Vec<Vec<f32>> {
    let whole = &samples[..samples.len() - samples.len() % channels.max(1)];
    (0..channels).map(|channel| whole.iter().skip(channel).step_by(channels).copied().collect()).collect()
}

/// Channels of one length, interleaved.
pub fn together(channels: &[Vec<f32>]) -> Vec<f32> {
    if let [only] = channels {
        return only.clone();
    }
    let length = channels.iter().map(Vec::len).min().unwrap_or(0);
    (0..length).flat_map(|at| channels.iter().map(move |channel| channel[at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cuts_do_not_matter(data in prop::collection::vec(any::<u8>(), 0..60), size in 1..6_usize, cut in 0..60_usize) {
            let mut groups = Groups::new(size);
            let cut = cut.min(data.len());
            let mut found = groups.whole(data[..cut].to_vec());
            prop_assert!(found.len().is_multiple_of(size));
            found.extend(groups.whole(data[cut..].to_vec()));
            prop_assert!(found.len().is_multiple_of(size));
            found.extend(groups.rest());
            prop_assert_eq!(found, data);
        }

        #[test]
        fn channels_come_together_again(data in prop::collection::vec(-1.0..1.0_f32, 0..60), channels in 1..5_usize) {
            let whole = &data[..data.len() - data.len() % channels];
            prop_assert_eq!(together(&apart(&data, channels)), whole);
        }
    }
}
