//! The family `data`: making, parsing, reshaping and judging data.

mod data_emit;
mod data_operations;
mod data_transformer;
mod date_time;
mod generator;
mod json_parser;
mod regex_matcher;
mod rules_engine;
mod time_pattern;

use crate::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<data_emit::DataEmit>(),
        Entry::of::<data_operations::DataOperations>(),
        Entry::of::<data_transformer::DataTransformer>(),
        Entry::of::<date_time::DateTime>(),
        Entry::of::<generator::Generator>(),
        Entry::of::<json_parser::JsonParser>(),
        Entry::of::<regex_matcher::RegexMatcher>(),
        Entry::of::<rules_engine::RulesEngine>(),
    ]
}
