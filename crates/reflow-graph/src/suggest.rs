//! "Did you mean …?"

/// Names longer than this are no slip of the keyboard: the work for one grows with the square of its length.
const LONGEST: usize = 64;
/// Names of about the same length that are compared with one.
const MOST_CANDIDATES: usize = 1_024;
/// Letters of a list of all candidates.
const LONGEST_LIST: usize = 160;

/// The candidate most like `word`, if one is like it enough to be a slip of the keyboard: some letters amiss or swapped,
/// fewer in short words, or another case.
///
/// The time this takes is bounded, whatever the names are: long ones are not compared, and neither are more than about a
/// thousand.
///
/// ```
/// use reflow_graph::closest;
/// assert_eq!(closest("tpl_math_ad", ["tpl_math_add", "tpl_math_sum"]), Some("tpl_math_add"));
/// assert_eq!(closest("something", ["tpl_math_add", "tpl_math_sum"]), None);
/// ```
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let allowed = ((word.chars().count() + 1) / 3).min(4);
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed)
        .take(MOST_CANDIDATES)
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *candidate != word)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A hint that names the closest candidate, or else the few there are.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    const FEW: usize = 8;
    if let Some(closest) = closest(word, candidates.clone()) {
        return Some(format!("did you mean `{closest}`?"));
    }
    let mut all = candidates.into_iter();
    let few: Vec<_> = all.by_ref().take(FEW).collect();
    let verb = if few.len() == 1 { "is" } else { "are" };
    let short = few.iter().map(|candidate| candidate.len()).sum::<usize>() <= LONGEST_LIST;
    (short && !few.is_empty() && all.next().is_none()).then(|| format!("there {verb} `{}`", few.join("`, `")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["tpl_math_add", "tpl_math_sub", "tpl_text_add"];
        assert_eq!(closest("tpl_math_ad", known), Some("tpl_math_add"));
        assert_eq!(closest("tpl_mtah_sub", known), Some("tpl_math_sub"));
        assert_eq!(closest("TPL_MATH_ADD", known), Some("tpl_math_add"));
        assert_eq!(closest("completely_other", known), None);
        assert_eq!(did_you_mean("q", ["in", "out"]).as_deref(), Some("there are `in`, `out`"));
        assert_eq!(did_you_mean("q", []), None);
    }

    #[test]
    fn long_names_and_long_lists_cost_nothing() {
        let long = "x".repeat(1 << 20);
        assert_eq!(closest(&long[1..], [long.as_str()]), None);
        assert_eq!(did_you_mean("q", [long.as_str()]), None);
        let many: Vec<_> = (0..1_000_000).map(|number| format!("name{number:07}")).collect();
        assert_eq!(closest("name000001x", many.iter().map(String::as_str)), Some("name0000010"));
    }
}
