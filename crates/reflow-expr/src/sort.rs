//! `try_sort_by`: a stable sort for comparisons that may fail or contradict themselves.

use std::cmp::Ordering;

/// Sorts `items`, keeping the order of equal ones. Unlike the standard library's sorts it works with any comparison: one
/// that fails ends the sort, one that is no total order gives some order and never a panic.
///
/// # Errors
/// The first error of `compare`.
///
/// # Examples
/// ```
/// let sorted = reflow_expr::try_sort_by(vec![3, 1, 2], |a, b| Ok::<_, ()>(a.cmp(b)));
/// assert_eq!(sorted, Ok(vec![1, 2, 3]));
/// ```
pub fn try_sort_by<T, E>(items: Vec<T>, mut compare: impl FnMut(&T, &T) -> Result<Ordering, E>) -> Result<Vec<T>, E> {
    // Bottom-up merging: runs of 1, 2, 4, … items.
    let mut runs: Vec<Vec<T>> = items.into_iter().map(|item| vec![item]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right, &mut compare)?,
                None => left,
            });
        }
        runs = merged;
    }
    Ok(runs.pop().unwrap_or_default())
}

fn merge<T, E>(
    left: Vec<T>,
    right: Vec<T>,
    compare: &mut impl FnMut(&T, &T) -> Result<Ordering, E>,
) -> Result<Vec<T>, E> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(a, b)?.is_gt() { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(items: Vec<(u8, u16)>) {
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(try_sort_by(items, |a, b| Ok::<_, ()>(a.0.cmp(&b.0))), Ok(expected));
        }

        #[test]
        fn survives_a_comparison_without_sense(items: Vec<u8>, answers: [i8; 7]) {
            let mut turn = 0;
            let mut sorted = try_sort_by(items.clone(), |_, _| {
                turn += 1;
                Ok::<_, ()>(answers[turn % 7].cmp(&0))
            }).unwrap();
            let mut items = items;
            items.sort_unstable();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, items);
        }
    }
}
