//! "Did you mean …?"

/// The candidate most like `word`, if one is like it enough to be a slip of the keyboard.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = ((word.chars().count() + 1) / 3).min(4);
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed)
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
    let few: Vec<_> = all.by_ref().take(FEW).map(|candidate| format!("`{candidate}`")).collect();
    let verb = if few.len() == 1 { "is" } else { "are" };
    (!few.is_empty() && all.next().is_none()).then(|| format!("there {verb} {}", few.join(", ")))
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
}
