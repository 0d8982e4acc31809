//! `Word`: a word of a config that stays what it is where it means nothing.

use reflow_message::Value;

use crate::config::{Choice, ConfigValue, words_schema};

/// One of the words of a [`Choice`], or a word to say that it is none.
#[derive(Clone, Debug)]
pub struct Word<T> {
    text: String,
    meaning: Option<T>,
}

impl<T: Copy> Word<T> {
    /// What the word means.
    ///
    /// # Errors
    /// `Unknown operation: NAME`, for a `what` of `operation`.
    pub fn meaning(&self, what: &str) -> Result<T, String> {
        let text = || crate::config::brief(&self.text.as_str().into());
        self.meaning.ok_or_else(|| format!("Unknown {what}: {}", text().trim_matches('"')))
    }

    /// The word as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T: Choice> From<T> for Word<T> {
    fn from(meaning: T) -> Self {
        Self { text: meaning.word().to_string(), meaning: Some(meaning) }
    }
}

impl<T: Choice> ConfigValue for Word<T> {
    fn read(value: &Value) -> Result<Self, String> {
        String::read(value).map(|text| Self { meaning: T::from_word(&text), text })
    }

    fn to_value(&self) -> Value {
        self.text.as_str().into()
    }

    fn schema() -> Value {
        words_schema::<T>("examples")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Choice)]
    enum Size {
        /// Not much.
        Small,
    }

    use crate::declare::Choice;

    #[test]
    fn a_word_without_a_meaning_is_told_when_it_is_needed() {
        assert_eq!(Word::<Size>::read(&"small".into()).unwrap().meaning("size"), Ok(Size::Small));
        let word = Word::<Size>::read(&"huge".into()).unwrap();
        assert_eq!((word.text(), word.meaning("size")), ("huge", Err("Unknown size: huge".to_string())));
        assert!(Word::<Size>::read(&5.into()).is_err());
        assert_eq!(Word::<Size>::schema().get("examples"), Some(&Value::array(["small"])));
    }
}
