//! What `#[component(...)]` says.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, LitStr, Result, Token, parse_quote};

use crate::port::Port;

pub(crate) struct Header {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) category: String,
    rule: Rule,
    source: Source,
    pub(crate) shape: Shape,
    pub(crate) prepare: bool,
    pub(crate) per_node: bool,
    pub(crate) origins: bool,
    pub(crate) open_ports: bool,
}

/// How the struct runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An `Actor`.
    Computes,
    /// An `Actor` on the compute pool.
    Heavy,
    /// An `Actor` that may block its thread.
    Blocking,
    /// An `AsyncActor`.
    Asynchronous,
    /// A `Filter`: one stream in, one or more out.
    Filter,
    /// A `Collector`: a stream in, messages out.
    Collector,
    /// A `Producer`: a message in, a stream out.
    Producer,
}

impl Shape {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "heavy" => Self::Heavy,
            "blocking" => Self::Blocking,
            "asynchronous" => Self::Asynchronous,
            "filter" => Self::Filter,
            "collector" => Self::Collector,
            "producer" => Self::Producer,
            _ => return None,
        })
    }

    /// The function of `declare` that makes the actor of a node out of the struct.
    pub(crate) fn maker(self) -> TokenStream {
        match self {
            Self::Computes => quote! { computes },
            Self::Heavy => quote! { heavy },
            Self::Blocking => quote! { blocking },
            Self::Asynchronous => quote! { asynchronous },
            Self::Filter => quote! { filter },
            Self::Collector => quote! { collector },
            Self::Producer => quote! { producer },
        }
    }

    /// Adds the ports that come with the shape and were not declared.
    pub(crate) fn complete(self, inports: &mut Vec<Port>, outports: &mut Vec<Port>, root: &TokenStream) {
        let stream = || parse_quote! { #root::kind::Stream };
        let lacks = |ports: &[Port], name: &str| ports.iter().all(|port| port.name != name);
        if matches!(self, Self::Filter | Self::Collector) && lacks(inports, "stream") {
            inports.insert(0, Port::of_shape("stream", stream(), true, "The stream to read."));
        }
        // A filter with streams of its own names has no other.
        if matches!(self, Self::Filter | Self::Producer) && outports.iter().all(|port| !port.is_stream()) {
            outports.insert(0, Port::of_shape("stream", stream(), false, "The stream that comes of it."));
        }
        if matches!(self, Self::Filter | Self::Collector | Self::Producer) && lacks(outports, "error") {
            let kind = parse_quote! { #root::kind::ErrorText };
            outports.push(Port::of_shape("error", kind, false, "What went wrong."));
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    No,
    Yes,
    ToTheEnd,
}

enum Rule {
    Any,
    All,
    Latest,
    Required(Vec<Ident>),
}

const KEYS: &str = "expected id, title, category, firing, per_node, origins, open_ports, source, prepare, or a shape: heavy, \
                    blocking, asynchronous, filter, collector, producer";

impl Header {
    pub(crate) fn read(input: &DeriveInput) -> Result<Self> {
        let mut header = Self {
            id: String::new(),
            title: String::new(),
            category: String::new(),
            rule: Rule::Any,
            source: Source::No,
            shape: Shape::Computes,
            prepare: false,
            per_node: false,
            origins: false,
            open_ports: false,
        };
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("component")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match key.as_str() {
                    "id" => header.id = meta.value()?.parse::<LitStr>()?.value(),
                    "title" => header.title = meta.value()?.parse::<LitStr>()?.value(),
                    "category" => header.category = meta.value()?.parse::<LitStr>()?.value(),
                    "firing" => header.rule = meta.value()?.parse()?,
                    "source" => {
                        let word: Ident = meta.value()?.parse()?;
                        header.source = match word.to_string().as_str() {
                            "yes" => Source::Yes,
                            "to_the_end" => Source::ToTheEnd,
                            _ => return Err(Error::new_spanned(word, "expected `yes` or `to_the_end`")),
                        };
                    }
                    "prepare" => header.prepare = true,
                    "per_node" => header.per_node = true,
                    "origins" => header.origins = true,
                    "open_ports" => header.open_ports = true,
                    word => match Shape::of(word) {
                        Some(shape) if header.shape == Shape::Computes => header.shape = shape,
                        Some(_) => return Err(meta.error("a component has one shape")),
                        None => return Err(meta.error(KEYS)),
                    },
                }
                Ok(())
            })?;
        }
        for (key, value) in [("id", &header.id), ("title", &header.title), ("category", &header.category)] {
            if value.is_empty() {
                return Err(Error::new_spanned(&input.ident, format!("expected #[component({key} = \"...\")]")));
            }
        }
        Ok(header)
    }

    pub(crate) fn source(&self, root: &TokenStream) -> TokenStream {
        let word = match self.source {
            Source::No => quote! { No },
            Source::Yes => quote! { Yes },
            Source::ToTheEnd => quote! { ToTheEnd },
        };
        quote! { #root::declare::Source::#word }
    }

    pub(crate) fn firing(&self, inports: &[Port], root: &TokenStream) -> Result<TokenStream> {
        let remembered: Vec<_> = inports.iter().filter(|port| port.remembered).collect();
        if let (Some(port), false) = (remembered.first(), matches!(self.rule, Rule::All)) {
            return Err(Error::new(port.span, "`remembered` goes with `firing = all`"));
        }
        let remembered = remembered.iter().map(|port| &port.name);
        Ok(match &self.rule {
            Rule::Any => quote! { #root::declare::Firing::Any },
            Rule::Latest => quote! { #root::declare::Firing::Latest },
            Rule::All => quote! {
                #root::declare::Firing::All {
                    latest: ::std::vec![#(#remembered.into()),*],
                    optional: ::std::vec::Vec::new(),
                }
            },
            Rule::Required(ports) => {
                if let Some(unknown) = ports.iter().find(|name| inports.iter().all(|port| *name != &port.name)) {
                    return Err(Error::new_spanned(unknown, format!("there is no inport `{unknown}`")));
                }
                let ports = ports.iter().map(ToString::to_string);
                quote! { #root::declare::Firing::Required(::std::vec![#(#ports.into()),*]) }
            }
        })
    }
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let word: Ident = input.parse()?;
        Ok(match word.to_string().as_str() {
            "any" => Self::Any,
            "all" => Self::All,
            "latest" => Self::Latest,
            "required" => {
                let names;
                syn::parenthesized!(names in input);
                let names = Punctuated::<Ident, Token![,]>::parse_terminated(&names)?;
                Self::Required(names.into_iter().collect())
            }
            _ => return Err(Error::new_spanned(word, "expected `any`, `all`, `latest` or `required(PORT, ...)`")),
        })
    }
}
