//! The derives that declare a component: everything that the catalog, the checks and the documentation need is read off
//! the struct that runs.
#![forbid(unsafe_code)]

mod choice;
mod component;
mod header;
mod port;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Declares a component on the struct that is its actor.
///
/// ```text
/// /// Limits a number to a range.                       the summary; further paragraphs become the page's text
/// #[derive(Component)]
/// #[component(id = "tpl_math_clamp", title = "Clamp", category = "math")]
/// #[inport(input: Number, required, "The number to limit.")]
/// #[outport(result: Float, "The limited number.")]
/// #[example(config = r#"{"max": 5}"#, steps = r#"[{"input": 7}]"#, outputs = r#"[{"result": [5.0]}]"#)]
/// pub struct Clamp {
///     /// Lower limit.
///     #[config(default = 0.0)]
///     min: f64,
///     /// Upper limit.
///     #[config(default = 1.0)]
///     max: f64,
///     #[state]
///     ticks: u64,
/// }
/// ```
///
/// * `#[component(...)]`: `id`, `title`, `category`, `firing = any | all | latest | required(PORT, ...)` (default `any`),
///   `per_node` (`fn firing(&self, connected: &[&str]) -> Firing` of the struct, which was read from the node's config, gives
///   the rule of a node with these inports connected), `origins` (ticks ask what their packets descend from), `open_ports`
///   (connections may use names that are not declared), `source = yes | to_the_end`, `prepare` (after the config was read,
///   `fn prepare(&mut self)` of the struct looks at it as a whole; it may answer `Result<(), String>`), and a shape. Without
///   one the struct is an `Actor`; `heavy` runs that on the compute pool, `blocking` where it may block its thread;
///   `asynchronous` takes an `AsyncActor`, `filter`, `collector` and `producer` the stream traits of those names, whose
///   ports `stream` and `error` need no declaration.
/// * `#[inport(NAME: KIND, "summary")]` and `#[outport(...)]`, in order; `NAME` is an identifier or a string, `KIND` a type that
///   is a `PortKind`. `required` says that a node makes no sense with the inport unconnected, `latest` that newer packets
///   replace older ones that still wait, `remembered` that under `firing = all` every tick is offered the port's newest
///   packet. Each gives a constant that addresses the port and knows its kind: `Self::IN_INPUT`, `Self::OUT_RESULT`.
/// * `#[config]` on a field: `default = EXPRESSION` (else `Default`), `key = "name"` (else the field's name), `alias =
///   "name"` (may repeat), `min`, `max`, `range = LOW..=HIGH` (what editors offer, while other numbers are allowed), `unit = "ms"`,
///   `lenient` (a value of the wrong kind or out of range means the default instead of an error; checks show a warning),
///   `required`, `whole` (the field gets the whole config and is not a key), `group` (the field is a [`ConfigGroup`]).
/// * `#[state]` on a field: starts as `Default`, or `#[state(EXPRESSION)]`.
/// * `#[example(...)]`: JSON texts of `config` (optional), `steps` (inputs, set after set) and `outputs` (a list of messages
///   by outport, for each step; `"..."` in place of the list for messages that it does not show). Examples are printed in the
///   documentation and run by the tests.
#[proc_macro_derive(Component, attributes(component, inport, outport, config, state, example))]
pub fn derive_component(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(component::expand(&input, &quote! { ::reflow_component }))
}

/// `#[derive(Component)]` for packs, whose kit is the pack SDK.
#[proc_macro_derive(PackComponent, attributes(component, inport, outport, config, state, example))]
pub fn derive_pack_component(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(component::expand(&input, &quote! { ::reflow_pack_sdk }))
}

/// Makes a struct a group of config keys that several components have in common: its fields are written as those of a
/// component, which has it as a field with `#[config(group)]`.
#[proc_macro_derive(ConfigGroup, attributes(config, state))]
pub fn derive_config_group(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(component::expand_group(&input, &quote! { ::reflow_component }))
}

/// `#[derive(ConfigGroup)]` for packs.
#[proc_macro_derive(PackConfigGroup, attributes(config, state))]
pub fn derive_pack_config_group(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(component::expand_group(&input, &quote! { ::reflow_pack_sdk }))
}

/// Makes an enum of unit variants a config value: one of several words, `SomeVariant` being `some_variant` unless
/// `#[choice("word")]` says otherwise; further words in the attribute are accepted as synonyms, and `..` stands for every
/// word that is not known. The variant's doc comment explains it.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(choice::expand(&input, &quote! { ::reflow_component }))
}

/// `#[derive(Choice)]` for packs.
#[proc_macro_derive(PackChoice, attributes(choice))]
pub fn derive_pack_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(choice::expand(&input, &quote! { ::reflow_pack_sdk }))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The text of the doc comments among `attributes`.
fn doc_text(attributes: &[syn::Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        let syn::Meta::NameValue(meta) = &attribute.meta else { continue };
        if !meta.path.is_ident("doc") {
            continue;
        }
        if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &meta.value {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).to_string());
        }
    }
    lines.join("\n").trim().to_string()
}
